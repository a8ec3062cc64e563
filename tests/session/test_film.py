import io

import numpy as np
import pytest
from PIL import Image

from cxrapp.figures.pictures import film_picture, fingerprint
from cxrapp.films.decode import read_upload
from cxrapp.films.radiograph import Radiograph
from cxrapp.session.film import Film, pack, to_film
from tests.films.dicom_maker import make


def kept(film: Radiograph) -> Film:
    return to_film("0", film, pack(film))


@pytest.mark.parametrize("number", [0, 1])
def test_films_are_kept_without_loss_under_the_fingerprint_of_their_report(
    films: list[Radiograph], number: int
) -> None:
    film = kept(films[number])
    np.testing.assert_array_equal(film.unpack().pixels, films[number].pixels)
    assert film.unpack().tags == films[number].tags
    assert film.fingerprint == fingerprint(film_picture(films[number].pixels))


def test_deep_films_keep_their_depth() -> None:
    deep = np.random.default_rng(0).integers(0, 4096, (90, 80), dtype=np.uint16)
    (original,) = read_upload("deep.dcm", make(deep, BitsStored=12, HighBit=11))
    np.testing.assert_allclose(kept(original).unpack().pixels, original.pixels, atol=1e-5)


def test_thumbnails_are_small_pictures(films: list[Radiograph]) -> None:
    film = kept(films[0])
    assert film.thumbnail.startswith("data:image/jpeg;base64,")
    assert len(film.thumbnail) < 8000
    assert Image.open(io.BytesIO(film.packed.png)).format == "PNG"
