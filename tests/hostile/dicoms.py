"""DICOM files whose tags lie, overflow, contradict their pixels or are somebody's program."""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from pictures import JPEG
from PIL import Image
from pydicom.data import get_testdata_file
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.encaps import encapsulate
from pydicom.uid import (
    JPEG2000,
    MPEG2MPML,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)
from specimen import FILM, Specimen, encode, flip, splice, truncate

LONG = {"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"}
UNDEFINED = 2**32 - 1
ITEM, ITEM_END, SEQUENCE_END = (struct.pack("<HH", 0xFFFE, n) for n in (0xE000, 0xE00D, 0xE0DD))
PIXELS = FILM.tobytes()
PIXEL_TAG = 0x7FE00010

ODD_BUT_REAL = (
    *("693_J2KI", "CT_small", "ExplVR_BigEnd", "ExplVR_LitEndNoMeta", "GDCMJ2K_TextGBR"),
    *("J2K_pixelrep_mismatch", "JPEG-lossy", "JPEG2000", "JPGExtended", "MR_small", "MR_small_RLE"),
    *("JPEG2000-embedded-sequence-delimiter", "JPEGLSNearLossless_08", "JPEGLSNearLossless_16"),
    *("MR_small_bigendian", "MR_small_expb", "MR_small_implicit", "MR_small_jp2klossless"),
    *("MR_small_jpeg_ls_lossless", "MR_small_padded", "MR_truncated", "SC_rgb_jpeg", "SC_rgb_rle"),
    *("SC_rgb_rle_2frame", "SC_rgb_small_odd", "SC_ybr_full_422_uncompressed", "UN_sequence"),
    *("badVR", "empty_charset_LEI", "image_dfl", "liver_1frame", "meta_missing_tsyntax"),
    *("nested_priv_SQ", "no_meta", "no_meta_group_length", "priv_SQ", "reportsi", "rtdose"),
    *("reportsi_with_empty_number_tags", "rtdose_1frame", "rtdose_rle", "rtplan", "rtstruct"),
    *("rtplan_truncated", "test-SR", "waveform_ecg", "examples_palette", "examples_overlay"),
)


def element(
    tag: str | int, value: bytes, vr: str | None = None, length: int | None = None
) -> tuple[int, bytes]:
    """The tag of one element and its bytes; representation and length may lie."""
    number = tag_for_keyword(tag) if isinstance(tag, str) else tag
    vr = vr or dictionary_VR(number)[-2:]
    value += b"\0" * (len(value) % 2)
    length = len(value) if length is None else length
    size = struct.pack("<2xI", length) if vr in LONG else struct.pack("<H", length % 2**16)
    return number, struct.pack("<HH2s", number >> 16, number & 0xFFFF, vr.encode()) + size + value


def short(tag: str, *values: int, vr: str | None = None) -> tuple[int, bytes]:
    """An element of 16 bit numbers."""
    return element(tag, struct.pack(f"<{len(values)}H", *values), vr)


FILM_ELEMENTS = dict(
    [
        element("Modality", b"DX"),
        element("PatientName", b"Not^Shown"),
        short("SamplesPerPixel", 1),
        element("PhotometricInterpretation", b"MONOCHROME2 "),
        short("Rows", FILM.height),
        short("Columns", FILM.width),
        short("BitsAllocated", 8),
        short("BitsStored", 8),
        short("HighBit", 7),
        short("PixelRepresentation", 0),
        element("PixelData", PIXELS, "OW"),
    ]
)


def dicom(
    *changed: tuple[int, bytes],
    without: tuple[str, ...] = (),
    syntax: str = ExplicitVRLittleEndian,
    meta: bytes = b"",
) -> bytes:
    """The film as DICOM, elements changed, added or taken out."""
    elements = FILM_ELEMENTS | dict(changed)
    body = [elements[tag] for tag in sorted(elements.keys() - set(map(tag_for_keyword, without)))]
    start = meta + element("TransferSyntaxUID", syntax.encode("latin-1", "replace"))[1]
    length = element("FileMetaInformationGroupLength", struct.pack("<I", len(start)))[1]
    return b"".join([bytes(128), b"DICM", length, start, *body])


def compressed(
    syntax: str, frame: bytes, *changed: tuple[int, bytes], cut: int | None = None
) -> bytes:
    """The film's tags before another picture's codestream, in fragments of `cut` bytes."""
    cut = cut or max(len(frame), 2)
    fragments = [frame[at : at + cut] for at in range(0, len(frame), cut)]
    packed = encapsulate(fragments, fragments_per_frame=1, has_bot=False)
    packed += SEQUENCE_END + bytes(4)
    return dicom(element("PixelData", packed, "OB", UNDEFINED), *changed, syntax=syntax)


def dicoms() -> Iterator[Specimen]:
    """All of them."""
    j2k = encode(FILM, "JPEG2000", no_jp2=True)
    for stem, data in (
        ("native", dicom()),
        ("jpeg", compressed(JPEGBaseline8Bit, JPEG)),
        ("j2k", compressed(JPEG2000Lossless, j2k)),
        ("real", Path(get_testdata_file("MR_small_RLE.dcm", download=False)).read_bytes()),
    ):
        for harm in (truncate, flip, splice):
            yield from harm(f"{stem}-dicom", "dcm", data)
    yield from _codestreams()
    scan = JPEG.index(b"\xff\xda")
    for count in (1, 9):  # bytes that do not belong there; GDCM aborts on them
        frame = JPEG[:scan] + bytes(count) + JPEG[scan:]
        name, data = f"abort {count}.dcm", compressed(JPEGBaseline8Bit, frame)
        yield Specimen("ends the process", name, data, "failed beyond repair")
    for kind, build in {
        "dicom shape": _shapes,
        "dicom pixels": _pixels,
        "transfer syntax": _syntaxes,
        "dicom structure": _structures,
        "dicom values": _values,
    }.items():
        for name, data in build().items():
            yield Specimen(kind, f"{name}.dcm", data)
    yield from _not_a_film()
    for name in ODD_BUT_REAL:
        if path := get_testdata_file(f"{name}.dcm", download=False):
            yield Specimen("odd but real", f"{name}.dcm", Path(path).read_bytes())


def _not_a_film() -> Iterator[Specimen]:
    three = element("PixelData", 3 * PIXELS, "OW")
    for name, data, reason in (
        ("two frames", dicom(element("NumberOfFrames", b"2"), three), "several pictures"),
        ("a million frames", dicom(element("NumberOfFrames", b"1000000")), "several pictures"),
        ("minus one frame", dicom(element("NumberOfFrames", b"-1")), "several pictures"),
        ("three colours", dicom(short("SamplesPerPixel", 3), three), "colour"),
        ("many colours", dicom(short("SamplesPerPixel", 65_535)), "colour"),
        (
            "a palette",
            dicom(element("PhotometricInterpretation", b"PALETTE COLOR ")),
            "colour",
        ),
        ("no pixel data", dicom(without=("PixelData",)), "no picture"),
        ("constant", dicom(element("PixelData", bytes(len(PIXELS)), "OW")), "blank"),
        ("1x1", dicom(short("Rows", 1), short("Columns", 1)), "only 1 x 1"),
        (
            "60000x60000",
            dicom(short("Rows", 60_000), short("Columns", 60_000)),
            "60,000 x 60,000",
        ),
    ):
        yield Specimen("dicom not a film", f"{name}.dcm", data, reason)


def _codestreams() -> Iterator[Specimen]:
    """The decoder believes the codestream, whatever the tags say."""
    huge = Image.new("L", (12_000, 12_000), 90)
    jpeg, boxed = encode(huge, "JPEG"), encode(huge, "JPEG2000")
    j2k = boxed[boxed.index(b"\xff\x4f\xff\x51") :]
    small = j2k[:8] + struct.pack(">II", 64, 64) + j2k[16:60]  # a header that is not read
    marked = JPEG.index(b"\xff\xc0")
    too_large = "12,000 x 12,000"
    for name, syntax, frame, cut in (
        ("jpeg", JPEGBaseline8Bit, jpeg, None),
        ("jpeg in fragments", JPEGBaseline8Bit, jpeg, 2_000),
        ("j2k", JPEG2000Lossless, j2k, None),
        ("j2k split in its marker", JPEG2000Lossless, j2k, 2),
        ("j2k in a file", JPEG2000, boxed, None),
        ("j2k behind a small one", JPEG2000, small + boxed, None),
        ("jpeg behind a small one", JPEGBaseline8Bit, JPEG[: marked + 40] + jpeg, None),
    ):
        data = compressed(syntax, frame, cut=cut)
        yield Specimen("codestream", f"{name} of 12000.dcm", data, too_large)
    frame = b"\xff\xd8\xff\xf7\0\x0b\x08" + struct.pack(">HHB", 12_000, 12_000, 1) + b"\1\x11\0"
    frame += b"\xff\xda\0\x08\1\1\0\0\0\0" + bytes(2_000_000) + b"\xff\xd9"
    yield Specimen("codestream", "jpeg-ls.dcm", compressed(JPEGLSLossless, frame), too_large)
    runs = struct.pack("<16I", 1, 64, *14 * [0]) + b"\x81\x07" * 3_000_000
    wide = (short("Rows", 40_000), short("Columns", 40_000))
    for name, rle, reason in (
        ("claiming 40000", compressed(RLELossless, runs[:600], *wide), "40,000 x 40,000"),
        ("of runs", compressed(RLELossless, runs), ""),
        ("of too few", compressed(RLELossless, runs[:600]), ""),
        ("of no segments", compressed(RLELossless, bytes(900)), "damaged"),
        ("of a billion segments", compressed(RLELossless, b"\xff" * 900), "damaged"),
    ):
        yield Specimen("codestream", f"rle {name}.dcm", rle, reason)


def _shapes() -> dict[str, bytes]:
    """Rows and columns that contradict the pixels or each other."""
    rows, columns = FILM.height, FILM.width
    return {
        "no rows": dicom(short("Rows", 0)),
        "one row more": dicom(short("Rows", rows + 1)),
        "one row less": dicom(short("Rows", rows - 1)),
        "twice the rows": dicom(short("Rows", 2 * rows)),
        "half the columns": dicom(short("Columns", columns // 2)),
        "turned": dicom(short("Rows", columns), short("Columns", rows)),
        "rows missing": dicom(without=("Rows",)),
        "rows and columns missing": dicom(without=("Rows", "Columns")),
        "rows empty": dicom(element("Rows", b"")),
        "two rows": dicom(short("Rows", rows, rows)),
        "rows as text": dicom(element("Rows", b"157 ", "IS")),
        "rows as words": dicom(element("Rows", b"many", "LO")),
        "rows as a fraction": dicom(element("Rows", struct.pack("<d", 157.5), "FD")),
        "rows as nan": dicom(element("Rows", struct.pack("<d", float("nan")), "FD")),
        "rows and columns negative": dicom(
            element("Rows", struct.pack("<h", -rows), "SS"),
            element("Columns", struct.pack("<h", -columns), "SS"),
        ),
        "rows as a sequence": dicom(element("Rows", b"", "SQ")),
    }


def _pixels() -> dict[str, bytes]:
    """Depths and lengths of pixel data."""
    depths = {
        f"{keyword} {value}": dicom(short(keyword, value))
        for keyword, values in {
            "BitsAllocated": (0, 1, 7, 12, 16, 32, 64, 65_535),
            "BitsStored": (0, 1, 7, 16, 255),
            "HighBit": (0, 6, 255),
            "PixelRepresentation": (1, 2, 65_535),
            "SamplesPerPixel": (0,),
        }.items()
        for value in values
    }
    missing = {
        f"{keyword} missing": dicom(without=(keyword,))
        for keyword in (
            "BitsAllocated",
            "BitsStored",
            "HighBit",
            "PhotometricInterpretation",
            "PixelRepresentation",
            "SamplesPerPixel",
        )
    }
    lengths = {
        f"pixel length {length}": dicom(element("PixelData", PIXELS, "OW", length))
        for length in (0, 2, 999, len(PIXELS) * 2, 2**31, UNDEFINED - 1, UNDEFINED)
    }
    data = {
        f"pixels {name}": dicom(element("PixelData", value, "OW"))
        for name, value in {
            "empty": b"",
            "one byte short": PIXELS[:-1],
            "one byte long": PIXELS + b"\0",
            "twice": 2 * PIXELS,
            "a thousandfold": 1000 * PIXELS,
        }.items()
    }
    floats = np.asarray(FILM, np.float32)
    nans = np.where(floats > 99, np.nan, floats)
    return (
        depths
        | missing
        | lengths
        | data
        | {
            "pixels as text": dicom(element("PixelData", PIXELS, "UT")),
            "pixels as a sequence": dicom(element("PixelData", PIXELS, "SQ")),
            "pixels of an unknown kind": dicom(element("PixelData", PIXELS, "UN")),
            "monochrome1": dicom(element("PhotometricInterpretation", b"MONOCHROME1 ")),
            "monochrome9": dicom(element("PhotometricInterpretation", b"MONOCHROME9 ")),
            "two interpretations": dicom(element("PhotometricInterpretation", b"A\\B")),
            "float pixels": dicom(
                element("FloatPixelData", floats.tobytes()),
                short("BitsAllocated", 32),
                without=("PixelData",),
            ),
            "nan pixels": dicom(
                element("FloatPixelData", nans.astype(np.float32).tobytes()),
                short("BitsAllocated", 32),
                without=("PixelData",),
            ),
            "double pixels": dicom(
                element("DoubleFloatPixelData", floats.astype(np.float64).tobytes()),
                short("BitsAllocated", 64),
                without=("PixelData",),
            ),
            "float pixels and pixels": dicom(element("FloatPixelData", floats.tobytes())),
        }
    )


def _syntaxes() -> dict[str, bytes]:
    packer = zlib.compressobj(9, wbits=-15)
    body = dicom()[128 + 4 + 12 :]
    bomb = packer.compress(body + element(0x7FE00010, b"", "OW", 2**31)[1])
    bomb += b"".join(packer.compress(bytes(2**20)) for _ in range(200)) + packer.flush()
    deflated = dicom(syntax=DeflatedExplicitVRLittleEndian)
    head = deflated[: deflated.index(b"\x08\0\x60\0CS")]
    version = element("FileMetaInformationVersion", bytes(4000))[1]
    late = dicom(syntax=DeflatedExplicitVRLittleEndian, meta=version)
    names = {
        "unknown": "1.2.3.4",
        "empty": "",
        "not a number": "<script>",
        "very long": "1." * 999,
        "film's": MPEG2MPML,
        "htj2k": HTJ2KLossless,
        "not the film's": ImplicitVRLittleEndian,
        "big endian": ExplicitVRBigEndian,
        "jpeg of native pixels": JPEGBaseline8Bit,
        "rle of native pixels": RLELossless,
    }
    return {f"syntax {name}": dicom(syntax=uid) for name, uid in names.items()} | {
        "syntax missing": dicom().replace(b"\x02\0\x10\0UI", b"\x02\0\x11\0UI"),
        "native pixels in fragments": compressed(ExplicitVRLittleEndian, PIXELS),
        "no fragments": dicom(
            element("PixelData", SEQUENCE_END + bytes(4), "OB", UNDEFINED), syntax=JPEGBaseline8Bit
        ),
        "empty fragment": compressed(JPEGBaseline8Bit, b"\0\0"),
        "jpeg as j2k": compressed(JPEG2000, JPEG),
        "endless fragment": dicom(
            element("PixelData", ITEM + struct.pack("<I", UNDEFINED) + JPEG, "OB", UNDEFINED),
            syntax=JPEGBaseline8Bit,
        ),
        "deflated bomb": head + bomb,
        "deflated bomb, announced late": late[: late.index(b"\x08\0\x60\0CS")] + bomb,
        "deflated but not": deflated,
    }


def _structures() -> dict[str, bytes]:
    """Sequences in sequences, lying lengths, wrong representations."""
    tag = 0x00081140

    def nested(depth: int) -> bytes:
        opened = element(tag, b"", "SQ", UNDEFINED)[1] + ITEM + struct.pack("<I", UNDEFINED)
        closed = ITEM_END + bytes(4) + SEQUENCE_END + bytes(4)
        return depth * opened + depth * closed

    items = 100_000 * (ITEM + bytes(4))
    private = [element(0x00091000 + n, b"x", "LO") for n in range(0x1000)]
    return {
        "400 sequences deep": dicom((tag, nested(400))),
        "20000 sequences deep": dicom((tag, nested(20_000))),
        "sequences without end": dicom((tag, nested(500)[:5000])),
        "sequence of many items": dicom(element(tag, items + SEQUENCE_END + bytes(4), "SQ")),
        "endless sequence of many items": dicom(
            element(tag, items + SEQUENCE_END + bytes(4), "SQ", UNDEFINED)
        ),
        "sequence longer than the file": dicom(element(tag, b"abcd", "SQ", 2**31)),
        "item longer than its sequence": dicom(
            element(tag, ITEM + struct.pack("<I", 2**31) + bytes(8), "SQ")
        ),
        "many private elements": dicom(*private),
        "element longer than the file": dicom(element("StudyDate", b"2020", "UN", 2**31)),
        "unknown representation": dicom(element("StudyDate", b"2020", "ZZ")),
        "representation of zeros": dicom(element("StudyDate", b"2020", "\0\0")),
        "a name of 40 MB": dicom(element("PatientName", b"A" * 40 * 2**20, "UT")),
        "a body part of 1 MB": dicom(element("BodyPartExamined", b"CHEST" * 200_000, "UT")),
        "modality as numbers": dicom(short("Modality", 1, 2, 3, vr="US")),
        "modality as a sequence": dicom(element("Modality", b"", "SQ")),
        "name as a number": dicom(element("PatientName", b"DOE^JOHN", "DS")),
        "meta longer than the file": dicom()[:140] + b"\xff" * 4 + dicom()[144:],
        "without preamble": dicom()[132:],
        "preamble is a program": b"MZ" + dicom()[2:],
        "preamble is a page": b"<script>alert(1)</script>".ljust(128) + dicom()[128:],
        "twice": dicom() + dicom(),
        "descending tags": dicom()[:-8000] + FILM_ELEMENTS[tag_for_keyword("Rows")],
        "elements of the end": dicom() + ITEM_END + bytes(4),
        "only its meta": dicom()[:170],
        "nothing after the mark": dicom()[:132],
    }


def _values() -> dict[str, bytes]:
    """Numbers that make infinities, and tables that lie."""
    changes: dict[str, list[tuple[str, bytes]]] = {
        f"{keyword} {value.decode() or 'empty'}": [(keyword, value)]
        for keyword, values in {
            "RescaleSlope": (b"0", b"-1", b"2", b"1e308", b"nan", b"inf", b"1e999", b"x", b"1\\2"),
            "RescaleIntercept": (b"1e308", b"nan", b"-300", b"-inf"),
            "WindowCenter": (b"40", b"nan", b"inf", b"1e999", b"", b"1\\2\\3", b"x"),
            "NumberOfFrames": (b"", b"0", b"1.5", b"x", b"1\\2"),
        }.items()
        for value in values
    }
    changes = {
        name: [("RescaleSlope", b"1"), ("RescaleIntercept", b"0"), *change]
        if "Rescale" in name
        else change
        for name, change in changes.items()
    } | {
        f"WindowWidth {width.decode()}": [("WindowCenter", b"99"), ("WindowWidth", width)]
        for width in (b"0", b"1", b"-1", b"1e-300", b"nan", b"inf", b"1\\2", b"", b"x")
    }
    sigmoid = [element("WindowCenter", b"9"), element("WindowWidth", b"1e-300")]
    kinds = {
        f"window {kind}": dicom(*sigmoid, element("VOILUTFunction", kind.encode()))
        for kind in ("SIGMOID", "LINEAR_EXACT", "NONE", "<b>")
    }
    tables = {
        f"{keyword[:3]} table {name}": dicom(_table(keyword, *descriptor))
        for keyword in ("VOILUTSequence", "ModalityLUTSequence")
        for name, descriptor in {
            "of none": (0, 0, 16),
            "of too few": (4000, 0, 16),
            "of no depth": (3, 0, 0),
            "of 99 bits": (3, 0, 99),
            "far off": (3, 60_000, 16),
        }.items()
    }
    return (
        {
            name: dicom(*(element(keyword, value) for keyword, value in change))
            for name, change in changes.items()
        }
        | kinds
        | tables
        | {"VOI table empty": dicom(element("VOILUTSequence", b"", "SQ"))}
        | {"slope without intercept": dicom(element("RescaleSlope", b"3"))}
    )


def _table(keyword: str, *descriptor: int) -> tuple[int, bytes]:
    """A lookup table of three entries that says it has others."""
    inside = short("LUTDescriptor", *descriptor, vr="US")[1] + short("LUTData", 9, 0, 7, vr="US")[1]
    return element(keyword, ITEM + struct.pack("<I", len(inside)) + inside, "SQ")
