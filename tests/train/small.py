"""A training small enough for a test: two epochs of a small network on thumbnails."""

import dataclasses

from tests.places import ROOT
from train.recipe import Phase, Recipe, load_recipe

RECIPES = ROOT / "train/recipes"
# A few dozen films need half of them for validation.
EARLIER, LATER = tuple(range(10)), tuple(range(10, 20))


def shrink(name: str, *phases: Phase) -> Recipe:
    """A recipe of `train/recipes` with other phases, for a few dozen films."""
    recipe = load_recipe(RECIPES / f"{name}.toml")
    return dataclasses.replace(recipe, phases=phases, batch=8, teachers=(), validation=LATER)


CYCLE = shrink("pneumonia", Phase(1e-3, ((32, 1), (48, 1)), "onecycle")).override(
    backbone="small_cnn"
)
