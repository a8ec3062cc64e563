from pathlib import Path

import numpy as np
import pytest

from cxrapp.bundle import WEIGHTS, Bundle, load_bundle
from cxrapp.engine import OnnxBackbone
from cxrapp.errors import InvalidBundle
from cxrapp.predict import predict
from cxrapp.radiograph import read_upload
from tests.load.films import SAMPLES


@pytest.mark.parametrize("name", ["pneumonia", "all-ages"])
def test_onnx_runtime_says_what_torchscript_says(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    films = [one for path in _samples(3) for one in read_upload(path.name, path.read_bytes())]
    reference = load_bundle(WEIGHTS / f"{name}.pt")
    monkeypatch.setenv("CXR_ENGINE", "onnxruntime")
    fast = load_bundle(WEIGHTS / f"{name}.pt")
    assert isinstance(fast.backbone, OnnxBackbone)
    for ours, theirs in zip(predict(fast, films), predict(reference, films), strict=True):
        np.testing.assert_allclose(ours.logits, theirs.logits, atol=1e-4)
        np.testing.assert_allclose(ours.feature_map, theirs.feature_map, atol=1e-4)
        assert ours.distance == pytest.approx(theirs.distance, rel=1e-4)


def test_torchscript_is_the_reference(bundle: Bundle) -> None:
    assert not isinstance(bundle.backbone, OnnxBackbone)


def test_an_engine_that_is_not_known_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXR_ENGINE", "steam")
    with pytest.raises(InvalidBundle, match="'steam': use torchscript or onnxruntime"):
        load_bundle(WEIGHTS / "pneumonia.pt")


def _samples(count: int) -> list[Path]:
    return sorted(SAMPLES.glob("*.jpeg"))[:count]
