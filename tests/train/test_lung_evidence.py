from types import SimpleNamespace

import numpy as np
import pytest
from torch import nn

from cxrapp.films.preprocess import Preprocessing
from cxrapp.model.lungs import Lungs
from tests.model.small_lungs import lung_masks
from train.lung_evidence import share_films, summarise_chance


def test_heat_is_shared_between_the_lungs_and_the_rest() -> None:
    """A network whose feature map is the film, averaged over cells of 8 pixels."""
    pool = nn.AvgPool2d(8)
    linear = nn.Linear(1, 1, bias=False)
    nn.init.ones_(linear.weight)
    head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), linear).eval()
    run = SimpleNamespace(
        backbone=lambda films: (pool(films), films.mean((2, 3))),
        head=head.requires_grad_(False),
        preprocessing=Preprocessing(80),
    )
    films = np.zeros((3, 1, 80, 80), np.float32)
    films[0, :, 32:48, 16:24] = 1  # in the lung on the left
    films[1, :, :8, :8] = 1
    shares = share_films(run, films, [Lungs(lung_masks())] * 3)
    inside, corner, black = shares.heat[:, 0]
    assert inside > 0.7
    assert corner < 0.1
    for shuffled in shares.by_chance.swapaxes(0, 1):  # one weight cannot be shuffled
        np.testing.assert_allclose(shuffled, shares.heat)
    assert shares.areas[0] == pytest.approx(sum(Lungs(lung_masks()).areas))
    assert np.isnan(black)


def test_chance_is_a_density_with_a_level_that_one_map_in_twenty_stays_below() -> None:
    generator = np.random.default_rng(0)
    areas, patients = generator.uniform(0.2, 0.5, 300), np.arange(300) // 2
    density = generator.uniform(0.5, 1.5, (300, 20))
    by_chance = density * areas[:, None]
    by_chance[0], by_chance[1, 1:] = np.nan, np.nan  # empty maps count for nothing
    found = summarise_chance(by_chance, areas, patients)
    assert found["density"]["n"] == 299
    assert found["density"]["value"] == pytest.approx(1, abs=0.03)
    assert found["density"]["low"] < found["density"]["value"] < found["density"]["high"]
    assert found["low"] == pytest.approx(0.55, abs=0.02)
    assert summarise_chance(np.full((2, 3), np.nan), areas[:2], patients[:2]) is None
