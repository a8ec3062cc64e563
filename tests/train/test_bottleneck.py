import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from tests.train.small import EARLIER, LATER, RECIPES
from train.bottleneck import CLASSES, Bottleneck, compare_backbones, load_bottleneck
from train.model import build_network

TRIAL = Bottleneck(
    sources=("kermany",),
    backbones=(("small_cnn", "random", (32,)), ("plain", "random", (32,))),
    rates=(1e-2, 1e-3),
    dropouts=(0.2,),
    validation=LATER,
    batch=8,
    epochs=20,
)


def test_every_backbone_has_a_row_a_class(tiny: Path, tmp_path: Path) -> None:
    table = compare_backbones(TRIAL, tiny, tmp_path)
    assert list(table["backbone"].unique()) == ["small_cnn", "plain"]
    assert list(table["class"].unique()) == list(CLASSES)
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "bottleneck.csv"), table)
    openings = pd.read_csv(tmp_path / "openings.csv")
    assert len(openings) == openings["weights"].nunique() == 2  # one look a backbone


def test_features_are_kept_and_used_again(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = compare_backbones(TRIAL, tiny, tmp_path)
    monkeypatch.setattr("train.bottleneck._pool", None)  # no film is looked at again
    pd.testing.assert_frame_equal(compare_backbones(TRIAL, tiny, tmp_path), first)
    with np.load(tmp_path / "plain-32.npz") as kept:
        assert kept["features"].shape == (48, 128)


def test_features_of_other_weights_are_not_used(tiny: Path, tmp_path: Path) -> None:
    one = Bottleneck(**{**vars(TRIAL), "backbones": (("small_cnn", "random", (32,)),)})
    compare_backbones(one, tiny, tmp_path)
    before = (tmp_path / "small_cnn-32.npz").read_bytes()
    torch.save({"model": build_network(1, 0.0, backbone="small_cnn").state_dict()}, tmp_path / "w")
    other = Bottleneck(**{**vars(one), "backbones": (("small_cnn", str(tmp_path / "w"), (32,)),)})
    compare_backbones(other, tiny, tmp_path)
    assert (tmp_path / "small_cnn-32.npz").read_bytes() != before


def test_films_are_looked_over_as_before_a_training(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    films = Path(shutil.copytree(tiny, tmp_path / "films"))
    damaged = min(films.glob("train/NORMAL/*"))
    damaged.write_bytes(damaged.read_bytes()[:3000])
    with pytest.raises(ValueError, match="films to train on; this recipe needs at least 999"):
        compare_backbones(dataclasses.replace(TRIAL, batch=999), films, tmp_path / "out")
    assert f"left out: {damaged}" in capsys.readouterr().out


def test_a_start_beside_the_reader_is_followed_to_the_films_it_saw(
    run: Path, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(run)
    starts = (("densenet121", "best.pt", (32,)),)
    recipe = dataclasses.replace(TRIAL, backbones=starts, validation=EARLIER)
    with pytest.raises(ValueError, match=r"was trained on \d+ films that this run sets"):
        compare_backbones(recipe, tiny, tmp_path)


def test_the_recipe_file_is_read_and_a_wrong_one_named(tmp_path: Path) -> None:
    recipe = load_bottleneck(RECIPES / "published/bottleneck.toml")
    assert recipe.backbones[0] == ("tf_efficientnet_lite0", "imagenet", (224,))
    (tmp_path / "other.toml").write_text("rates = 1")
    with pytest.raises(ValueError, match="other.toml"):
        load_bottleneck(tmp_path / "other.toml")
