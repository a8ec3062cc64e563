import numpy as np

from cxrapp.films.preprocess import Preprocessing
from cxrapp.films.radiograph import Radiograph


def test_input_has_the_networks_shape_and_range(films: list[Radiograph]) -> None:
    for film in films:
        inputs = Preprocessing(64).to_input(film.pixels)
        assert inputs.shape == (1, 64, 64)
        assert inputs.dtype == np.float32
        assert inputs.min() >= 0 and inputs.max() <= 1


def test_shrinking_averages_instead_of_skipping() -> None:
    stripes = np.tile(np.array([0, 1], np.float32), (256, 128))
    inner = Preprocessing(32).to_input(stripes)[0, 2:-2, 2:-2]
    np.testing.assert_allclose(inner, 0.5, atol=0.02)


def test_a_spot_in_the_input_lands_on_its_place_in_the_film() -> None:
    film = np.zeros((300, 500), np.float32)
    film[200:240, 100:150] = 1
    preprocessing = Preprocessing(50)
    back = preprocessing.to_image(preprocessing.to_input(film)[0], film.shape)
    assert back.shape == film.shape
    rows, columns = np.indices(film.shape)
    assert abs((rows * back).sum() / back.sum() - 219.5) < 1
    assert abs((columns * back).sum() / back.sum() - 124.5) < 1
