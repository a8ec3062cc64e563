"""One film in the ways hospitals write it: what a careful reader makes of it."""

import io
from collections.abc import Callable

import numpy as np
import pydicom
import pytest
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

from tests.films.dicom_maker import (
    FILM,
    TWELVE,
    WHOLE,
    compress,
    compress_j2k,
    make,
    overwrite,
    png,
    read,
    reason,
    table,
)

DEEP = FILM.astype(np.uint16) * 16
NEGATIVE = (4095 - DEEP).astype(np.uint16)
INVERSE = (4095 - np.arange(4096)).astype(np.uint16)
SHORT = 4095 - 16 * int(FILM.min()) + 1  # entries of a table that this film uses
GREY = FILM / 255


def implicit_without_header() -> bytes:
    data = make(DEEP, syntax=ImplicitVRLittleEndian, ImageType=["ORIGINAL", "PRIMARY"], **WHOLE)
    return data[data.index(b"\x08\x00\x08\x00") :]


def group_two_without_preamble() -> bytes:
    return make(DEEP, **WHOLE)[132:]


def without_end() -> bytes:
    data = compress_j2k(DEEP, **WHOLE)
    end = b"\xfe\xff\xdd\xe0\0\0\0\0"
    assert data.endswith(end)
    return data.removesuffix(end)


def comma() -> bytes:
    return overwrite(make(DEEP, **WHOLE), b"\x28\x00\x50\x10DS", b"2047,5")


def leading_space() -> bytes:
    return make(DEEP, **WHOLE).replace(b"CS\x0c\x00MONOCHROME2 ", b"CS\x0c\x00 MONOCHROME2", 1)


SAME: dict[str, Callable[[], bytes]] = {
    "8 bits": lambda: make(),
    "12 bits through a window": lambda: make(DEEP, **WHOLE),
    "12 bits without a window": lambda: make(DEEP, **TWELVE),
    "in the upper 12 of 16 bits": lambda: make(DEEP * 16, BitsStored=12, HighBit=15),
    "signed": lambda: make((DEEP.astype(np.int16) - 2048), **TWELVE),
    "empty VOILUTFunction": lambda: make(DEEP, **WHOLE, VOILUTFunction=""),
    "empty rescale": lambda: make(DEEP, **WHOLE, RescaleSlope="", RescaleIntercept=""),
    "window width 0": lambda: make(DEEP, **{**WHOLE, "WindowWidth": 0}),
    "first window of two unusable": lambda: make(
        DEEP, **TWELVE, WindowCenter=[9, 2048], WindowWidth=[0, 4096]
    ),
    "decimal comma": comma,
    "leading space": leading_space,
    "12 bit modality table": lambda: make(
        NEGATIVE, **WHOLE, **table("ModalityLUTSequence", [4096, 0, 12], INVERSE.tobytes())
    ),
    "8 bit VOI table, packed": lambda: make(
        NEGATIVE,
        **TWELVE,
        **table("VOILUTSequence", [4096, 0, 8], (INVERSE // 16).astype(np.uint8).tobytes()),
    ),
    "8 bit VOI table, in words": lambda: make(
        NEGATIVE, **TWELVE, **table("VOILUTSequence", [4096, 0, 8], (INVERSE // 16).tobytes())
    ),
    "VOI table shorter than it says": lambda: make(
        NEGATIVE, **TWELVE, **table("VOILUTSequence", [4096, 0, 12], INVERSE[:SHORT].tobytes())
    ),
    "empty VOI table": lambda: make(DEEP, **WHOLE, VOILUTSequence=[]),
    "no PhotometricInterpretation": lambda: make(PhotometricInterpretation=None),
    "no PixelRepresentation": lambda: make(DEEP, **WHOLE, PixelRepresentation=None),
    "no BitsStored": lambda: make(DEEP, **{**WHOLE, "BitsStored": None}),
    "neither BitsStored nor HighBit": lambda: make(DEEP, BitsStored=None, HighBit=None),
    "implicit, without header": implicit_without_header,
    "group 2, without preamble": group_two_without_preamble,
    "no end delimiter": without_end,
    "names the deflated syntax": lambda: make(
        AvailableTransferSyntaxUID=DeflatedExplicitVRLittleEndian
    ),
    "INVERSE beside MONOCHROME2": lambda: make(255 - FILM, PresentationLUTShape="INVERSE"),
    "INVERSE beside MONOCHROME1": lambda: make(
        255 - FILM, PhotometricInterpretation="MONOCHROME1", PresentationLUTShape="INVERSE"
    ),
}


@pytest.mark.parametrize("kind", SAME)
def test_the_same_film_in_another_dress_is_the_same_film(kind: str) -> None:
    film = read(SAME[kind]())
    # 12 bits of 16 steps each end 15 steps below white.
    np.testing.assert_allclose(film.pixels, GREY, atol=0.004)
    assert film.stretched_from is None


def test_what_stands_above_the_films_bits_is_cleared_whatever_decoded_it() -> None:
    boxed = DEEP.copy()
    boxed[20:60, 30:90] |= 1 << 12  # an overlay's text box
    ways = {
        "native": make(boxed, **TWELVE),
        "RLE": compress(boxed, RLELossless, **TWELVE),
        "JPEG 2000": compress_j2k(boxed, **TWELVE),
        "signed": make(boxed.astype(np.int16) ^ 2048, **TWELVE),
    }
    for way, data in ways.items():
        np.testing.assert_allclose(read(data).pixels, DEEP / 4095, atol=1e-6, err_msg=way)


def test_a_film_keeps_its_place_in_the_range_of_window_bits_and_type() -> None:
    pale = np.rint(FILM * 0.7 + 38).astype(np.uint8)
    dark = np.rint(FILM * 0.47).astype(np.uint8)
    for stored in (pale, dark):
        wide = stored.astype(np.uint16) * 257
        for data in (
            png(stored),
            png(wide),
            make(stored),
            make(stored, WindowCenter=128, WindowWidth=256),
            make(wide),
        ):
            film = read(data)
            np.testing.assert_allclose(film.pixels, stored / 255, atol=1e-6)
            assert film.stretched_from is None


@pytest.mark.parametrize("share", [0.05, 0.2, 0.24])
def test_a_sliver_of_the_range_is_stretched_the_same_for_every_way_in_and_said(
    share: float,
) -> None:
    sliver = np.rint(9_000 + GREY * share * 65_535).astype(np.uint16)
    own = (sliver - float(sliver.min())) / float(np.ptp(sliver))
    window = {"WindowCenter": 32_768, "WindowWidth": 65_536}
    for data in (png(sliver), make(sliver), make(sliver, **window), compress_j2k(sliver)):
        film = read(data)
        np.testing.assert_allclose(film.pixels, own, atol=1e-4)
        assert film.stretched_from == pytest.approx(int(np.ptp(sliver)) / 65_535, abs=1e-3)


PADDED = np.pad(np.ones(FILM.shape, bool), ((0, 0), (8, 8)))


@pytest.mark.parametrize("windowed", [True, False])
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize(
    ("fill", "declared"),
    [
        (0, {"PixelPaddingValue": 0}),
        (4095, {"PixelPaddingValue": 4095}),
        (4000, {"PixelPaddingValue": 3990, "PixelPaddingRangeLimit": 4095}),
        (4000, {"PixelPaddingValue": 4095, "PixelPaddingRangeLimit": 3990}),
    ],
)
def test_padding_is_black_and_takes_part_in_nothing(
    fill: int, declared: dict, photometric: str, windowed: bool
) -> None:
    deep = (800 + GREY * 2500).astype(np.uint16)
    padded = np.pad(deep, ((0, 0), (8, 8)), constant_values=fill)
    window = {"WindowCenter": 2050, "WindowWidth": 2500} if windowed else {}
    tags = {**TWELVE, **window, "PhotometricInterpretation": photometric}
    film, bare = read(make(padded, **tags, **declared)), read(make(deep, **tags))
    assert (film.pixels[~PADDED] == 0).all()
    np.testing.assert_array_equal(film.pixels[PADDED], bare.pixels.ravel())


def test_padding_is_no_part_of_a_slivers_range() -> None:
    sliver = np.pad((100 + FILM.astype(np.uint16)), ((0, 0), (8, 8)), constant_values=4095)
    film = read(make(sliver, **TWELVE, PixelPaddingValue=4095))
    assert film.stretched_from == pytest.approx(int(np.ptp(FILM)) / 4095)
    assert film.pixels[PADDED].min() == 0 and film.pixels[PADDED].max() == 1


@pytest.mark.parametrize(
    ("function", "place"),
    [
        # PS3.3 C.11.2.1.2.1, C.11.2.1.3.2 and C.11.2.1.3.1, written out.
        ("LINEAR", lambda x: np.clip((x - 1799.5) / 1799 + 0.5, 0, 1)),
        ("LINEAR_EXACT", lambda x: np.clip((x - 1800) / 1800 + 0.5, 0, 1)),
        ("SIGMOID", lambda x: 1 / (1 + np.exp(-4 * (x - 1800) / 1800))),
    ],
)
def test_windows_are_as_the_standard_has_them(function: str, place: Callable) -> None:
    window = {"WindowCenter": 1800, "WindowWidth": 1800, "VOILUTFunction": function}
    film = read(make(DEEP, **TWELVE, **window))
    np.testing.assert_allclose(film.pixels, place(DEEP.astype(float)), atol=1e-5)


def test_a_film_cut_off_in_its_compressed_pixels_is_not_taken_for_one_without_an_end() -> None:
    assert "cut off" in reason(without_end()[:-900])


def test_a_table_too_short_for_the_film_is_not_used() -> None:
    tags = table("VOILUTSequence", [4096, 0, 12], INVERSE[:500].tobytes())
    assert "table of greys is cut off" in reason(make(NEGATIVE, **TWELVE, **tags))


def test_makers_private_byte_order_is_named() -> None:
    dataset = pydicom.dcmread(io.BytesIO(make()))
    dataset.file_meta.TransferSyntaxUID = "1.2.840.113619.5.2"
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, dataset, implicit_vr=True, little_endian=True)
    said = reason(buffer.getvalue())
    assert "GE's private byte order" in said and "archive or the machine" in said


def test_explicit_syntax_is_guessed_where_no_header_names_it() -> None:
    data = make(syntax=ExplicitVRLittleEndian, ImageType=["ORIGINAL", "PRIMARY"])
    film = read(data[data.index(b"\x08\x00\x08\x00CS") :])
    np.testing.assert_allclose(film.pixels, GREY, atol=1e-6)
