"""The list of methods, each called the same way."""

import numpy as np
import pytest

from cxrapp.explain import METHODS
from cxrapp.model.bundle import Bundle
from cxrapp.model.predict import Prediction, encode


@pytest.mark.parametrize("name", [name for name, method in METHODS.items() if method.quick])
def test_quick_methods_explain_a_film(
    bundle: Bundle, film: np.ndarray, prediction: Prediction, name: str
) -> None:
    found = METHODS[name](bundle, film, prediction.feature_map)
    assert (found.method.name, found.fits) == (name, None)
    assert found.maps.shape == (2, 7, 7)
    assert found.method.signed == bool((found.maps < 0).any())
    assert found.seconds >= 0


def test_slow_methods_tell_their_progress(bundle: Bundle) -> None:
    small = np.random.default_rng(0).random((1, 64, 64), np.float32)  # the network takes any size
    feature_map = encode(bundle, small[None]).feature_maps[0]
    for name, side in {"Occlusion": 7, "LIME": 64}.items():
        told: list[float] = []
        found = METHODS[name](bundle, small, feature_map, told.append)
        assert not METHODS[name].quick
        assert found.maps.shape == (2, side, side)
        assert told[-1] == 1
    assert found.fits is not None
    assert found.fits.shape == (2,)


def test_every_method_says_how_to_read_it() -> None:
    for name, method in METHODS.items():
        assert method.name == name
        assert method.how_to_read.endswith(".")
        assert method.unit in ("logits", "no unit")
