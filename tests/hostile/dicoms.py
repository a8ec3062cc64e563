"""All hostile DICOM files."""

from collections.abc import Iterator
from pathlib import Path

from pydicom.data import get_testdata_file
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit

from tests.hostile.dicom_bytes import PIXELS, compressed, dicom, element, short
from tests.hostile.dicom_pixels import codestreams, pixels, shapes, syntaxes
from tests.hostile.dicom_tags import structures, values
from tests.hostile.pictures import JPEG
from tests.hostile.specimen import FILM, Specimen, encode, flip, splice, truncate

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
    yield from codestreams()
    scan = JPEG.index(b"\xff\xda")
    for count in (1, 9):  # bytes that do not belong there; GDCM aborts on them
        frame = JPEG[:scan] + bytes(count) + JPEG[scan:]
        name, data = f"abort {count}.dcm", compressed(JPEGBaseline8Bit, frame)
        yield Specimen("ends the process", name, data, "failed beyond repair")
    for kind, build in {
        "dicom shape": shapes,
        "dicom pixels": pixels,
        "transfer syntax": syntaxes,
        "dicom structure": structures,
        "dicom values": values,
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
        ("a palette", dicom(element("PhotometricInterpretation", b"PALETTE COLOR ")), "colour"),
        ("no pixel data", dicom(without=("PixelData",)), "no picture"),
        ("constant", dicom(element("PixelData", bytes(len(PIXELS)), "OW")), "blank"),
        ("1x1", dicom(short("Rows", 1), short("Columns", 1)), "only 1 x 1"),
        ("60000x60000", dicom(short("Rows", 60_000), short("Columns", 60_000)), "60,000 x 60,000"),
    ):
        yield Specimen("dicom not a film", f"{name}.dcm", data, reason)
