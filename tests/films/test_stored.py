"""What a viewer windows anew: the film's own values, at its own depth."""

import io

import numpy as np
import pytest
from PIL import Image

from cxrapp.films.radiograph import Radiograph, Units
from cxrapp.session.film import pack
from tests.films.dicom_maker import FILM, TWELVE, make, png, read, table

DEEP = np.arange(120 * 160, dtype=np.uint16).reshape(120, 160) % 4096
WINDOW = {**TWELVE, "WindowCenter": 2048, "WindowWidth": 1024}


def own_values(film: Radiograph) -> np.ndarray:
    units = film.stored.units
    return film.stored.numbers * units.slope + units.intercept


def test_twelve_bits_stay_twelve_bits_behind_a_narrow_window() -> None:
    film = read(make(DEEP, **WINDOW))
    assert ((film.pixels == 0) | (film.pixels == 1)).mean() > 0.7  # what the window takes away
    np.testing.assert_array_equal(own_values(film), DEEP)
    ((name, low, high),) = film.stored.units.windows
    assert (name, low, high) == ("", 1536, 2559)  # PS3.3 C.11.2.1.2: all below is black


def test_values_are_in_the_units_of_the_file() -> None:
    tags = {"RescaleSlope": 2, "RescaleIntercept": -1024, "RescaleType": "HU"}
    signed = DEEP.astype(np.int16) - 2048
    film = read(make(signed, **TWELVE, **tags))
    np.testing.assert_array_equal(own_values(film), signed * 2.0 - 1024)
    assert film.stored.units.unit == "HU"
    assert read(make(DEEP, **TWELVE, RescaleType="US")).stored.units.unit == ""  # unspecified


def test_windows_keep_their_names() -> None:
    tags = {"WindowCenter": [2048, 1000], "WindowWidth": [4096, 200]}
    film = read(make(DEEP, **TWELVE, **tags, WindowCenterWidthExplanation=["Normal", "Harder"]))
    names = [name for name, _, _ in film.stored.units.windows]
    assert names == ["NORMAL", "HARDER"]


@pytest.mark.parametrize("kind", [np.uint8, np.int8, np.uint16, np.int16])
@pytest.mark.parametrize("inverse", [False, True])
def test_padding_is_no_value_of_the_film_and_lies_beyond_its_black(
    kind: type, inverse: bool
) -> None:
    stored = FILM.astype(kind) if kind != np.int8 else (FILM.astype(int) - 128).astype(np.int8)
    stored = np.clip(stored, 1, None)
    stored[:10] = 0
    photometric = "MONOCHROME1" if inverse else "MONOCHROME2"
    film = read(make(stored, PixelPaddingValue=0, PhotometricInterpretation=photometric))
    numbers, units = film.stored.numbers, film.stored.units
    assert (numbers[:10] == units.padding).all()
    own = numbers[10:].astype(int)
    assert (own < units.padding).all() if inverse else (own > units.padding).all()
    np.testing.assert_array_equal(own_values(film)[10:], stored[10:])
    assert units.inverse == inverse


def test_a_picture_has_its_own_depth_too() -> None:
    assert (read(png(FILM)).stored.numbers == FILM).all()
    np.testing.assert_array_equal(read(png(DEEP)).stored.numbers, DEEP)
    assert read(png(DEEP)).stored.numbers.dtype == np.uint16


def test_a_table_between_stored_and_meant_leaves_no_values_to_window() -> None:
    squares = (np.arange(256, dtype=np.uint32) ** 2 // 16).astype(np.uint16)
    film = read(make(**table("ModalityLUTSequence", [256, 0, 12], squares.tobytes())))
    assert film.stored is None


@pytest.mark.parametrize(
    "data",
    [make(DEEP, **WINDOW), make(DEEP, **WINDOW, VOILUTFunction="SIGMOID"), png(FILM), png(DEEP)],
    ids=["window", "sigmoid", "8 bits", "16 bits"],
)
def test_a_session_holds_the_numbers_once_and_gives_the_same_greys_back(data: bytes) -> None:
    film = read(data)
    packed = pack(film)
    np.testing.assert_array_equal(packed.unpack(), film.pixels)
    with Image.open(io.BytesIO(packed.png)) as image:
        np.testing.assert_array_equal(np.asarray(image), film.stored.numbers)


def test_a_film_whose_numbers_do_not_give_its_greys_is_packed_by_its_greys() -> None:
    film = read(png(FILM))
    pixels = np.roll(film.pixels, 1)
    packed = pack(Radiograph("a", pixels, stored=film.stored))
    np.testing.assert_allclose(packed.unpack(), pixels, atol=1e-5)
    assert packed.units == Units()
