import dataclasses

import pytest
import torch

from tests.train.small import CYCLE
from train.distributed import join_ranks
from train.epoch import Split, build_trainer, train_epoch
from train.model import build_network
from train.recipe import Augment

ONE_BATCH = 16
RECIPE = dataclasses.replace(CYCLE, backbone="small_cnn", batch=ONE_BATCH, dropout=0.0)


def first_loss(**changes: object) -> float:
    """Of one batch, before the network has learned from it."""
    recipe, ranks = dataclasses.replace(RECIPE, **changes), join_ranks()
    torch.manual_seed(0)
    network = build_network(2, recipe.dropout, "random", recipe.backbone)
    films = torch.randint(0, 256, (ONE_BATCH, 1, 32, 32), dtype=torch.uint8)
    labels = torch.randint(0, 2, (ONE_BATCH, 2)).float()
    trainer = build_trainer(network, recipe, recipe.phases[0], ONE_BATCH, ranks)
    split = Split(films, labels, torch.ones_like(labels))
    return train_epoch(trainer, split, recipe, 0, ranks)["train_loss"]


def test_answers_about_two_styles_of_a_film_may_be_held_together() -> None:
    apart = [first_loss(consistency=weight) for weight in (1e-6, 1.0, 2.0)]
    assert apart[1] - apart[0] > 1e-4
    assert apart[2] - apart[0] == pytest.approx(2 * (apart[1] - apart[0]), rel=1e-3)


def test_two_styles_of_a_film_stand_at_one_place() -> None:
    """Where no style is drawn they are one film, however it is turned, and nothing is apart."""
    turned = dataclasses.replace(Augment.none(), rotation=30, flip=0.5, shift=0.2)
    loose, held = (first_loss(augment=turned, consistency=weight) for weight in (1e-6, 1.0))
    assert held == pytest.approx(loose, abs=1e-5)
