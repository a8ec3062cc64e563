from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from cxrapp.explain import channels
from cxrapp.explain.channels import LAST, layer_channels, layer_names
from cxrapp.films.radiograph import Radiograph
from cxrapp.model.bundle import WEIGHTS, Bundle, load_bundle
from cxrapp.model.predict import encode


@pytest.fixture(scope="module", params=["pneumonia", "all-ages"])
def shipped(request: pytest.FixtureRequest) -> Path:
    """Every bundle that runs as it was trained."""
    return WEIGHTS / f"{request.param}.pt"


@pytest.fixture(scope="module")
def opened(shipped: Path) -> Bundle:
    return load_bundle(shipped, frozen=False)


def test_what_the_channels_add_sums_to_the_logit_strongest_first(
    bundle: Bundle, film: np.ndarray
) -> None:
    encoded = encode(bundle, film[None])
    (feature_map,) = encoded.feature_maps
    with torch.no_grad():
        bias = bundle.head(torch.zeros(1, *feature_map.shape))[0].numpy()
    for k in range(2):
        found = layer_channels(bundle, film, LAST, k, count=len(feature_map))
        assert found.contributions.sum() + bias[k] == pytest.approx(encoded.logits[0, k], abs=1e-3)
        assert (np.diff(np.abs(found.contributions)) <= 0).all()
        np.testing.assert_array_equal(found.maps, feature_map[found.numbers])
        few = layer_channels(bundle, film, LAST, k, count=5)
        np.testing.assert_array_equal(few.numbers, found.numbers[:5])


def test_an_opened_bundle_says_what_the_frozen_one_does(
    shipped: Path, opened: Bundle, films: list[Radiograph]
) -> None:
    film = opened.card.preprocessing.to_input(films[0].pixels)[None]
    exact = load_bundle(shipped, bfloat16=False)
    ours, theirs = (encode(one, film).logits for one in (opened, exact))
    np.testing.assert_allclose(ours, theirs, atol=1e-3)


def test_the_last_layer_run_by_hand_is_that_of_the_bundle(
    opened: Bundle, films: list[Radiograph]
) -> None:
    film = opened.card.preprocessing.to_input(films[3].pixels)
    bare = replace(opened, backbone=lambda films: opened.backbone(films))  # no layer within reach
    assert layer_names(bare) == (LAST,)
    expected, found = (layer_channels(one, film, LAST, 0, count=12) for one in (bare, opened))
    np.testing.assert_allclose(found.contributions, expected.contributions, atol=1e-4)
    np.testing.assert_array_equal(found.numbers, expected.numbers)
    np.testing.assert_allclose(found.maps, expected.maps, atol=1e-3)


def test_earlier_layers_are_finer(opened: Bundle, films: list[Radiograph]) -> None:
    film = opened.card.preprocessing.to_input(films[3].pixels)
    layers = [layer_channels(opened, film, name, 0, count=4) for name in layer_names(opened)]
    sides = [film.shape[-1] // share for share in (4, 4, 8, 16, 32)]
    assert [layer.maps.shape for layer in layers] == [(4, side, side) for side in sides]
    assert all(np.abs(layer.contributions).min() > 0 for layer in layers)


def test_first_order_contributions_are_slopes(opened: Bundle, films: list[Radiograph]) -> None:
    """Turning a channel up a little moves the logit as its contribution says."""
    film = opened.card.preprocessing.to_input(films[3].pixels)
    found = layer_channels(opened, film, "dense block 3", finding=0, count=1)
    inputs = torch.from_numpy(film)[None]
    stages = list(channels._stages(opened.backbone).values())
    with torch.no_grad():
        maps = channels._run(stages[:4], inputs)
        logits = []
        for step in (-0.02, 0.02):
            turned = maps.clone()
            turned[:, found.numbers[0]] *= 1 + step
            logits.append(opened.head(channels._run(stages[4:], turned))[0, 0])
    slope = float(logits[1] - logits[0]) / 0.04
    assert slope == pytest.approx(float(found.contributions[0]), rel=0.1)


def test_a_frozen_bundle_offers_its_last_layer_alone(
    bundle: Bundle, films: list[Radiograph]
) -> None:
    assert layer_names(bundle) == (LAST,)
    film = bundle.card.preprocessing.to_input(films[0].pixels)
    with pytest.raises(ValueError, match="No layer 'dense block 1' within reach"):
        layer_channels(bundle, film, "dense block 1", 0, count=1)
