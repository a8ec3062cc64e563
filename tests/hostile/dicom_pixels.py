"""DICOM files whose pixels contradict their tags, or that are packed in a way of their own."""

import struct
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import Image
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

from tests.hostile.dicom_bytes import (
    ITEM,
    PIXELS,
    SEQUENCE_END,
    UNDEFINED,
    compressed,
    dicom,
    element,
    short,
)
from tests.hostile.pictures import JPEG
from tests.hostile.specimen import FILM, Specimen, encode


def codestreams() -> Iterator[Specimen]:
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


def shapes() -> dict[str, bytes]:
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


def pixels() -> dict[str, bytes]:
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


def syntaxes() -> dict[str, bytes]:
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
