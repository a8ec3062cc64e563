from collections.abc import Callable
from itertools import combinations

import numpy as np
import pytest

from cxrapp.explain import grad_cams
from cxrapp.explain.cams import _raw_maps, evidence, grad_cams_plus_plus, layer_cams
from cxrapp.explain.channels import LAST, layer_channels
from cxrapp.films.radiograph import Radiograph
from cxrapp.model.bundle import Bundle
from cxrapp.model.predict import Prediction, encode, predict


def contributions(bundle: Bundle, feature_map: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What each cell adds to each logit, and the bias, found by probing the linear head alone."""
    channels, h, w = feature_map.shape
    zero = np.zeros((1, channels, h, w), np.float32)
    bias = head(bundle, zero)[0]
    cells = np.empty((len(bias), h, w))
    for row, column in np.ndindex(h, w):
        probe = zero.copy()
        probe[0, :, row, column] = feature_map[:, row, column]
        cells[:, row, column] = head(bundle, probe)[0] - bias
    return cells, bias


def head(bundle: Bundle, feature_maps: np.ndarray) -> np.ndarray:
    import torch

    return bundle.head(torch.from_numpy(feature_maps)).detach().numpy()


def test_grad_cam_is_what_each_cell_adds_to_the_logit(
    bundle: Bundle, films: list[Radiograph]
) -> None:
    for prediction in predict(bundle, films[:3]):
        cells, bias = contributions(bundle, prediction.feature_map)
        np.testing.assert_allclose(cells.sum((1, 2)) + bias, prediction.logits, atol=1e-3)
        maps = grad_cams(bundle, prediction.feature_map)
        np.testing.assert_allclose(maps, np.maximum(cells, 0), atol=1e-4)


def test_maps_do_not_touch_the_feature_map_or_later_predictions(
    bundle: Bundle, films: list[Radiograph]
) -> None:
    inputs = bundle.card.preprocessing.to_input(films[0].pixels)[None]
    encoded = encode(bundle, inputs)
    feature_map = encoded.feature_maps[0]
    before = feature_map.copy()
    first = grad_cams(bundle, feature_map)
    np.testing.assert_array_equal(feature_map, before)
    np.testing.assert_array_equal(grad_cams(bundle, feature_map), first)
    np.testing.assert_array_equal(encode(bundle, inputs).logits, encoded.logits)


def test_a_map_without_evidence_is_empty(bundle: Bundle, films: list[Radiograph]) -> None:
    (prediction,) = predict(bundle, films[:1])
    assert grad_cams(bundle, np.zeros_like(prediction.feature_map)).max() == 0


def test_evidence_for_and_against_sums_to_the_logit(bundle: Bundle, prediction: Prediction) -> None:
    cells, bias = contributions(bundle, prediction.feature_map)
    maps = evidence(bundle, prediction.feature_map)
    assert maps.min() < 0 < maps.max()
    np.testing.assert_allclose(maps, cells, atol=1e-4)
    np.testing.assert_allclose(maps.sum((1, 2)) + bias, prediction.logits, atol=1e-3)


def test_layer_cam_counts_channels_that_speak_for_the_finding_alone(
    bundle: Bundle, film: np.ndarray, prediction: Prediction
) -> None:
    added = np.empty((2, 1024))
    for k in range(2):
        found = layer_channels(bundle, film, LAST, k, count=1024)
        added[k, found.numbers] = found.contributions
    totals = np.maximum(prediction.feature_map.sum((1, 2)), 1e-6)  # some channels are silent
    expected = np.einsum("kc,chw->khw", np.maximum(added, 0) / totals, prediction.feature_map)
    np.testing.assert_allclose(layer_cams(bundle, prediction.feature_map), expected, atol=1e-4)


@pytest.mark.parametrize(
    ("left_out", "kept"),
    [("XGradCAM", evidence), ("HiResCAM", evidence), ("GradCAMElementWise", layer_cams)],
)
def test_what_is_left_out_of_the_library_is_a_map_already_there(
    bundle: Bundle, prediction: Prediction, left_out: str, kept: Callable[..., np.ndarray]
) -> None:
    raw = _raw_maps(left_out, bundle, prediction.feature_map)
    np.testing.assert_allclose(raw, kept(bundle, prediction.feature_map), atol=1e-5)


def test_the_methods_kept_give_different_maps(bundle: Bundle, prediction: Prediction) -> None:
    methods = (grad_cams, grad_cams_plus_plus, layer_cams)
    maps = [method(bundle, prediction.feature_map) for method in methods]
    for one in maps:
        assert one.dtype == np.float32
        assert one.shape == (2, *prediction.feature_map.shape[1:])
        assert one.min() >= 0
    shares = [one / one.max((1, 2), keepdims=True) for one in maps]
    for first, second in combinations(shares, 2):
        assert np.abs(first - second).max() > 0.05
