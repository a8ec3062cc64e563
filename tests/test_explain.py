import numpy as np

from cxrapp.bundle import Bundle
from cxrapp.explain import grad_cams
from cxrapp.predict import encode, predict
from cxrapp.radiograph import Radiograph


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
