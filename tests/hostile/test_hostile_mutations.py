"""Hypothesis looks for what the corpus has not thought of."""

import struct
import zipfile
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.datadict import DicomDictionary
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit

from cxrapp.films.archive_files import entry_names
from cxrapp.films.decode import read_upload
from cxrapp.films.limits import MAX_PIXELS, MIN_SIDE
from cxrapp.films.radiograph import Radiograph, Rejection
from cxrapp.films.sandbox import read_untrusted
from tests.hostile.archives import archive
from tests.hostile.dicom_bytes import FILM_ELEMENTS, PIXELS, UNDEFINED, compressed, dicom, element
from tests.hostile.pictures import DEEP, JPEG
from tests.hostile.png import END, PNG, SIGNATURE, chunk
from tests.hostile.specimen import FILM, encode

REAL = {
    "jpeg": JPEG,
    "progressive jpeg": encode(FILM, "JPEG", progressive=True),
    "png": PNG,
    "deep png": DEEP,
    "dicom": dicom(),
    "jpeg in dicom": compressed(JPEGBaseline8Bit, JPEG),
    "j2k in dicom": compressed(JPEG2000Lossless, encode(FILM, "JPEG2000", no_jp2=True)),
    "zip": archive(("film.jpeg", JPEG), ("film.png", PNG), method=zipfile.ZIP_DEFLATED),
}
CONTENTS = {"film": JPEG, "text": b"no film", "nothing": b""}
REPRESENTATIONS = sorted({entry[0] for entry in DicomDictionary.values() if len(entry[0]) == 2})
Reader = Callable[[str, bytes], Iterator[Radiograph | Rejection]]
CHUNKS = (
    *(b"IHDR", b"PLTE", b"IDAT", b"tRNS", b"gAMA", b"iCCP", b"tEXt", b"zTXt", b"iTXt"),
    *(b"eXIf", b"acTL", b"fcTL", b"fdAT", b"pHYs", b"sRGB", b"cHRM", b"sBIT", b"bKGD"),
)

small = st.binary(max_size=40)


def check(data: bytes, read: Reader = read_upload) -> None:
    """What must be true of the answer to any bytes."""
    answers = list(read("film", data))
    assert answers and len(entry_names("", data)) in (1, len(answers))
    for answer in answers:
        if isinstance(answer, Radiograph):
            pixels = answer.pixels
            assert pixels.dtype == np.float32 and pixels.ndim == 2
            assert 0 <= pixels.min() < pixels.max() <= 1
            assert min(pixels.shape) >= MIN_SIDE and pixels.size <= MAX_PIXELS
        else:
            assert answer.reason.isprintable() and answer.reason.endswith(".")


@pytest.mark.parametrize("kind", REAL)
@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 40), small), min_size=1, max_size=5))
def test_spliced_bytes(kind: str, splices: list[tuple[float, int, bytes]]) -> None:
    data = REAL[kind]
    for place, lost, gained in splices:
        at = int(place**3 * len(data))  # headers are short and at the front
        data = data[:at] + gained + data[at + lost :]
    # Decoders of codestreams may abort, and this process with them.
    check(data, read_untrusted if kind.endswith("in dicom") else read_upload)


@given(st.binary(max_size=300), st.sampled_from([b"", b"\xff\xd8\xff", SIGNATURE, b"PK\3\4"]))
def test_any_bytes_behind_a_mark(data: bytes, mark: bytes) -> None:
    check(mark + data)


numbers = st.integers(0, 65_535).map(lambda number: struct.pack("<H", number))
texts = st.one_of(
    st.text(max_size=20).map(str.encode),
    st.floats().map(lambda number: repr(number).encode()),
    st.lists(st.floats(), max_size=3).map(lambda many: "\\".join(map(str, many)).encode()),
)
tags = st.one_of(
    st.sampled_from(sorted(FILM_ELEMENTS)),
    st.sampled_from(sorted(tag for tag in DicomDictionary if 0x0008_0000 <= tag < 0x0029_0000)),
)
elements = st.builds(
    element,
    tags,
    st.one_of(numbers, texts, small, st.just(PIXELS)),
    st.sampled_from(REPRESENTATIONS),
    st.one_of(st.none(), st.none(), st.sampled_from([0, 2, 2**31, UNDEFINED])),
)


@given(st.lists(elements, min_size=1, max_size=4))
def test_generated_tags(changed: list[tuple[int, bytes]]) -> None:
    check(dicom(*changed))


decimals = st.floats(width=32).map(lambda number: f"{number:g}"[:16].encode())


@given(
    st.dictionaries(
        st.sampled_from(["RescaleSlope", "RescaleIntercept", "WindowCenter", "WindowWidth"]),
        decimals,
    ),
    st.sampled_from([8, 16]),
    st.integers(0, 1),
    st.integers(0, 17),
)
def test_rescaling_and_window(
    values: dict[str, bytes], allocated: int, signed: int, stored: int
) -> None:
    changed = [element(keyword, value) for keyword, value in values.items()]
    for keyword, value in (
        ("BitsAllocated", allocated),
        ("BitsStored", stored),
        ("HighBit", max(stored - 1, 0)),
        ("PixelRepresentation", signed),
    ):
        changed.append(element(keyword, struct.pack("<H", value)))
    check(dicom(*changed, element("PixelData", PIXELS * (allocated // 8), "OW")))


@given(
    st.lists(
        st.tuples(
            st.integers(0, 12),
            st.sampled_from(CHUNKS),
            st.one_of(small, st.just(PIXELS)),
            st.one_of(st.none(), st.integers(0, 2**32 - 1)),
        ),
        min_size=1,
        max_size=4,
    ),
    st.integers(1, 16),
    st.integers(0, 7),
    st.booleans(),
)
def test_png_chunks(
    added: list[tuple[int, bytes, bytes, int | None]], depth: int, colour: int, replaced: bool
) -> None:
    head = struct.pack(">IIBBBBB", *FILM.size, depth, colour, 0, 0, 0)
    chunks = [chunk(b"IHDR", head) if replaced else PNG[8:33], PNG[33:-12], END]
    for at, kind, data, length in added:
        chunks.insert(at, chunk(kind, data, length=length))
    check(SIGNATURE + b"".join(chunks))


@given(
    st.dictionaries(
        st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30),
        st.sampled_from(sorted(CONTENTS)),
        max_size=4,
    ),
    st.tuples(st.integers(0, 45), st.binary(min_size=1, max_size=4)),
)
def test_archive_directories(entries: dict[str, str], change: tuple[int, bytes]) -> None:
    data = archive(*((name, CONTENTS[content]) for name, content in entries.items()))
    at = data.find(b"PK\1\2") + change[0]
    check(data[:at] + change[1] + data[at + len(change[1]) :])
