"""ZIP archives that lie about themselves, hide what they hold, or unpack to far too much."""

import io
import struct
import zipfile
from collections.abc import Iterator

from tests.hostile.pictures import JPEG
from tests.hostile.png import PNG, zeros
from tests.hostile.specimen import Specimen, flip, splice, truncate

LOCAL, CENTRAL, END = (b"PK" + mark for mark in (b"\3\4", b"\1\2", b"\5\6"))
LINK, PIPE, DEVICE, FOLDER = 0o120777, 0o010666, 0o060666, 0o040755
METHODS = {
    "shrunk": 1,
    "imploded": 6,
    "deflate64": 9,
    "bzip2": 12,
    "lzma": 14,
    "zstd": 93,
    "mp3": 94,
    "xz": 95,
    "jpeg": 96,
    "ppmd": 98,
    "aes": 99,
    "unknown": 12_345,
}


def archive(
    *entries: tuple[str, bytes], method: int = zipfile.ZIP_STORED, mode: int = 0o100644
) -> bytes:
    """An archive, the same at every call."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as opened:
        for name, data in entries:
            info = zipfile.ZipInfo(name)
            info.compress_type, info.external_attr = method, mode << 16
            opened.writestr(info, data)
    return buffer.getvalue()


def lie(data: bytes, *, at: int, value: int, form: str = "H", where: bytes = CENTRAL) -> bytes:
    """Change a number of the first record of a kind."""
    start = data.index(where) + at
    return data[:start] + struct.pack(f"<{form}", value) + data[start + struct.calcsize(form) :]


def deflated(packed: bytes, size: int, crc: int = 0) -> bytes:
    """An archive of one entry whose bytes are already deflated and whose sizes may lie."""
    numbers = struct.pack("<IIIHH", crc, len(packed), size, 8, 0)
    local = LOCAL + struct.pack("<HHHHH", 20, 0, 8, 0, 33) + numbers + b"film.png"
    central = CENTRAL + struct.pack("<HHHHHH", 20, 20, 0, 8, 0, 33) + numbers
    central += struct.pack("<HHHII", 0, 0, 0, 0, 0) + b"film.png"
    end = struct.pack("<HHHHIIH", 0, 0, 1, 1, len(central), len(local) + len(packed), 0)
    return local + packed + central + END + end


def archives() -> Iterator[Specimen]:
    """All of them."""
    two = archive(("one.jpeg", JPEG), ("ward/two.png", PNG), method=zipfile.ZIP_DEFLATED)
    for harm in (truncate, flip, splice):
        yield from harm("two films-zip", "zip", two)
    for kind, build in {
        "zip of zips": _nested,
        "zip names": _names,
        "zip method": _methods,
        "zip lies": _lies,
        "zip bomb": _bombs,
    }.items():
        for name, (data, reason) in build().items():
            yield Specimen(kind, f"{name}.zip", data, reason)


def _nested() -> dict[str, tuple[bytes, str]]:
    film = archive(("film.jpeg", JPEG))
    deep = film
    for _ in range(40):
        deep = archive(("in.zip", deep))
    broad = bytes(1000)
    for _ in range(8):  # 10 ** 8 times a thousand bytes, were it ever unpacked
        packed = [(f"{n}.zip", broad) for n in range(10)]
        broad = archive(*packed, method=zipfile.ZIP_DEFLATED)
    return {
        "in an archive": (archive(("inner.zip", film)), "not a DICOM"),
        "forty deep": (deep, "not a DICOM"),
        "ten times ten times ten": (broad, "not a DICOM"),
        "called a film": (archive(("film.jpeg", film)), "not a DICOM"),
        "a film and itself": (film + film, ""),
        "behind a film": (JPEG + film, ""),
        "behind a program": (b"MZ" + bytes(600) + film, "not a DICOM"),
        "empty": (END + bytes(18), "empty"),
        "only folders": (archive(("ward/", b""), mode=FOLDER), "empty"),
        "only clutter": (archive(("__MACOSX/._a.jpeg", b"x"), ("a/.DS_Store", b"x")), "empty"),
    }


def _names() -> dict[str, tuple[bytes, str]]:
    names = {
        "up": "../../../../etc/cron.d/film.jpeg",
        "absolute": "/etc/film.jpeg",
        "drive": "C:\\Windows\\film.jpeg",
        "backslashes": "..\\..\\film.jpeg",
        "nothing": "",
        "dots": "....//....//film.jpeg",
        "null": "film\0.jpeg",
        "device": "/dev/stdin",
        "long": "a" * 60_000 + ".jpeg",
        "deep": "a/" * 20_000 + "film.jpeg",
        "lines": "film\n../other\r.jpeg",
        "formula": "=HYPERLINK(1).jpeg",
        "page": "<img src=x onerror=alert(1)>.jpeg",
    }
    named = {f"name {what}": archive((name, JPEG)) for what, name in names.items()}
    film, good = ("film.jpeg", JPEG), archive(("film.jpeg", JPEG))
    bad_text = lie(lie(good, at=8, value=0x800), at=6, value=0x800, where=LOCAL)
    return {name: (data, "") for name, data in named.items()} | {
        "symlink": (archive(("film.jpeg", b"/etc/passwd"), mode=LINK), "not a DICOM"),
        "symlink up": (archive(("film.jpeg", b"../../film"), mode=LINK), "not a DICOM"),
        "pipe": (archive(("film.jpeg", b""), mode=PIPE), "empty"),
        "disk": (archive(("film.jpeg", b""), mode=DEVICE), "empty"),
        "folder with a film": (archive(("film.jpeg", JPEG), mode=FOLDER), ""),
        "not unicode": (bad_text.replace(b"film.jpeg", b"\xff\xfe\xfdm.jpeg"), "damaged"),
        "twice the same name": (_quietly_twice(film), ""),
        "another name inside": (good.replace(b"film.jpeg", b"mlif.jpeg", 1), "damaged"),
    }


def _quietly_twice(film: tuple[str, bytes]) -> bytes:
    return archive(film, ("mlif.jpeg", PNG)).replace(b"mlif", b"film")


def _methods() -> dict[str, tuple[bytes, str]]:
    good = archive(("film.jpeg", JPEG))
    methods = {
        name: lie(lie(good, at=10, value=number), at=8, value=number, where=LOCAL)
        for name, number in METHODS.items()
    }
    for name, number in (("true bzip2", zipfile.ZIP_BZIP2), ("true lzma", zipfile.ZIP_LZMA)):
        methods[name] = archive(("film.jpeg", JPEG), method=number)
        methods[f"{name} of a bomb"] = archive(("film.jpeg", bytes(2**24)), method=number)
    flagged = {
        name: lie(good, at=8, value=flags)
        for name, flags in {"encrypted": 1, "strongly encrypted": 0x41, "masked": 0x2001}.items()
    }
    patched = {"patched": (lie(good, at=8, value=0x20), "damaged")}
    return (
        {f"method {name}": (data, "unusual way") for name, data in methods.items()}
        | {name: (data, "encrypted") for name, data in flagged.items()}
        | patched
    )


def _lies() -> dict[str, tuple[bytes, str]]:
    good = archive(("film.jpeg", JPEG))
    packed = archive(("film.jpeg", JPEG), method=zipfile.ZIP_DEFLATED)
    return {
        "size too small": (lie(good, at=24, value=99, form="I"), ""),
        "size too large": (lie(packed, at=24, value=2**30, form="I"), ""),
        "size of 4 GB": (lie(packed, at=24, value=2**32 - 2, form="I"), ""),
        "size in 64 bits, missing": (lie(packed, at=24, value=2**32 - 1, form="I"), ""),
        "packed size zero": (lie(packed, at=20, value=0, form="I"), ""),
        "packed size too large": (lie(packed, at=20, value=2**31, form="I"), ""),
        "wrong checksum": (lie(good, at=16, value=1, form="I"), "damaged"),
        "entry far away": (lie(good, at=42, value=2**31, form="I"), "damaged"),
        "entry in its directory": (lie(good, at=42, value=200, form="I"), "damaged"),
        "version 99": (lie(good, at=6, value=990), "damaged"),
        "on another disk": (lie(good, at=4, value=9, where=END), ""),
        "65535 entries": (lie(good, at=10, value=65_535, where=END), ""),
        "no entries": (lie(good, at=10, value=0, where=END), ""),
        "directory of 4 GB": (lie(good, at=12, value=2**32 - 2, form="I", where=END), "damaged"),
        "directory far away": (lie(good, at=16, value=2**32 - 2, form="I", where=END), "damaged"),
        "directory empty": (lie(good, at=12, value=0, form="I", where=END), "empty"),
        "comment missing": (lie(good, at=20, value=9_999, where=END), ""),
        "long comment": (good[:-2] + b"\xff\xff" + b"<script>" * 8191 + b"1234567", ""),
        "no directory": (good[: good.index(CENTRAL)], "damaged"),
        "only a mark": (LOCAL, "damaged"),
        "extra field cut": (lie(good, at=30, value=3), ""),
        "extra field long": (lie(good, at=30, value=60_000), ""),
        "impossible date": (lie(good, at=14, value=0), ""),
    }


def _bombs() -> dict[str, tuple[bytes, str]]:
    hundred = zeros(100 * 2**20)[2:-4]  # without the head and checksum of zlib
    large = ("a film.png", bytes(49 * 2**20))
    overlapping = _overlapping(archive(large, method=zipfile.ZIP_DEFLATED), 1_000)
    tiny = archive(("1.png", b"x"))
    return {
        "100 MB": (deflated(hundred, 100 * 2**20), "larger than 50 MB"),
        "100 MB called 10": (deflated(hundred, 10), ""),
        "a thousand times the same 49 MB": (overlapping, "5,000 files or 4 GB"),
        "twenty times the same film": (_overlapping(archive(("film.jpeg", JPEG)), 20), ""),
        "100000 entries": (_overlapping(tiny, 100_000), "5,000 files"),
        "5001 entries": (_overlapping(tiny, 5_001), "5,000 files"),
    }


def _overlapping(data: bytes, count: int) -> bytes:
    """An archive of one entry whose directory lists it again and again."""
    start, end = data.index(CENTRAL), data.rindex(END)
    directory = count * data[start:end]
    said = min(count, 65_535)
    counted = struct.pack("<HHHHIIH", 0, 0, said, said, len(directory), start, 0)
    return data[:start] + directory + END + counted
