"""A film as DICOM, put together byte by byte, so that any of it may lie."""

import struct

from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRLittleEndian

from tests.hostile.specimen import FILM

LONG = {"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"}
UNDEFINED = 2**32 - 1
ITEM, ITEM_END, SEQUENCE_END = (struct.pack("<HH", 0xFFFE, n) for n in (0xE000, 0xE00D, 0xE0DD))
PIXELS = FILM.tobytes()
PIXEL_TAG = 0x7FE00010


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
