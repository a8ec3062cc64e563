import re
from pathlib import Path

import pytest
import torch

from tests.places import ROOT
from tests.train.small import CYCLE, RECIPES
from train.__main__ import main
from train.backbones import build_backbone
from train.bottleneck import load_bottleneck
from train.recipe import load_recipe
from train.sources import SOURCES

OTHERS = ("bottleneck", "release")
TRAINED = [path for path in sorted(RECIPES.rglob("*.toml")) if path.stem not in OTHERS]


@pytest.mark.parametrize("path", TRAINED, ids=lambda path: path.stem)
def test_every_recipe_loads(path: Path) -> None:
    recipe = load_recipe(path)
    assert all(phase.size_at(phase.epochs - 1) == phase.sizes[-1][0] for phase in recipe.phases)
    assert set(recipe.sources) <= set(SOURCES)
    if path.stem in ("all-ages", "pneumonia"):  # what ships says for whom it is
        assert [finding.name for finding in recipe.findings] == ["pneumonia", "viral"]
        assert recipe.limits and recipe.out_of_scope and "Not for" not in recipe.intended_use


@pytest.mark.parametrize("path", TRAINED, ids=lambda path: path.stem)
def test_the_first_weights_of_a_recipe_are_made_by_a_command_here(path: Path) -> None:
    commands = (ROOT / "Makefile").read_text() + (RECIPES / "release.toml").read_text()
    init = load_recipe(path).init
    if init not in ("random", "imagenet"):
        assert re.search(rf"--out {re.escape(str(Path(init).parent))}\b", commands)


@pytest.mark.parametrize(
    ("backbone", "init", "sides"),
    load_bottleneck(RECIPES / "published/bottleneck.toml").backbones,
    ids=lambda part: part if isinstance(part, str) else "",
)
def test_a_compared_backbone_takes_films_of_its_sizes(
    backbone: str, init: str, sides: tuple[int, ...]
) -> None:
    if init != "imagenet":  # its first weights are made here
        sides += (load_recipe(RECIPES / "published/pretrain.toml").phases[0].size_at(0),)
    with torch.device("meta"):  # shapes alone, without weights
        layers, channels = build_backbone(backbone)
        maps = [layers.eval()(torch.empty(1, 3, side, side)) for side in sides]
    assert all(found.shape[1] == channels for found in maps)


def test_an_unknown_key_of_a_recipe_is_named(tmp_path: Path) -> None:
    text = (RECIPES / "pneumonia.toml").read_text().replace("dropout =", "drop_out =")
    (tmp_path / "bad.toml").write_text(text)
    with pytest.raises(ValueError, match=r"bad.toml.*drop_out"):
        load_recipe(tmp_path / "bad.toml")


def test_a_larger_batch_takes_larger_steps() -> None:
    larger = CYCLE.with_batch(4 * CYCLE.batch)
    assert larger.batch == 4 * CYCLE.batch
    assert [phase.rate for phase in larger.phases] == [2 * phase.rate for phase in CYCLE.phases]


def test_the_command_line_changes_a_recipe(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr("train.__main__.fit", lambda recipe, *_: asked.append(recipe))
    command = ["fit", "--recipe", str(RECIPES / "published/covid19.toml"), "--data", str(tiny)]
    options = ["--backbone", "vgg19", "--rate", "0.5", "--init", "random", "--seed", "3"]
    assert main([*command, "--out", str(tmp_path), *options]) == 0
    assert main([*command, "--out", str(tmp_path)]) == 0
    changed, recipe = asked
    assert (changed.backbone, changed.init, changed.seed) == ("vgg19", "random", 3)
    assert [phase.rate for phase in changed.phases] == [0.5] * len(recipe.phases)
    assert [phase.rate for phase in recipe.phases] == [1e-3, 3e-4, 1e-4]


def test_wrong_usage_ends_with_two_and_a_sentence(
    tmp_path: Path, tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(tmp_path), "--data", str(tiny)]) == 2
    assert "holds no best.pt" in capsys.readouterr().err
