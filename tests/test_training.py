import dataclasses
import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
import torch

from cxrapp.bundle import load_bundle
from train import fit as fit_module
from train.__main__ import main
from train.files import load_checkpoint
from train.fit import fit
from train.recipe import Phase, Recipe, load_recipe

RECIPES = Path(__file__).parents[1] / "train/recipes"


@pytest.fixture(scope="module")
def tiny(kermany: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few dozen real films in the published layout."""
    root = tmp_path_factory.mktemp("films")
    for split in ("train", "test"):
        for folder, patterns in {"NORMAL": ["*"], "PNEUMONIA": ["*bact*", "*virus*"]}.items():
            (root / split / folder).mkdir(parents=True)
            for pattern in patterns:
                for path in sorted((kermany / split / folder).glob(pattern))[:80:10]:
                    shutil.copy(path, root / split / folder / path.name)
    return root


def shrink(name: str, *phases: Phase) -> Recipe:
    recipe = load_recipe(RECIPES / f"{name}.toml")
    return dataclasses.replace(recipe, phases=phases, batch=8, validation=0.5)


CYCLE = shrink("pneumonia", Phase(1e-3, ((32, 1), (48, 1)), "onecycle"))


@pytest.fixture(scope="module")
def run(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("runs") / "whole"
    fit(CYCLE, tiny, run)
    return run


def history(run: Path) -> pd.DataFrame:
    return pd.read_csv(run / "history.csv").drop(columns="films_per_second")


def test_a_run_leaves_its_files(run: Path) -> None:
    assert list(history(run)["size"]) == [32, 48]
    assert (run / "best.pt").exists()
    assert list((run / "tensorboard").glob("events*"))
    split = pd.read_csv(run / "split.csv")
    assert set(split["split"]) == {"train", "validation", "test"}


def test_a_stopped_run_continues_to_the_same_result(
    run: Path, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = fit_module.train_epoch, []

    def stop_in_the_second(*arguments: object) -> dict[str, float]:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(fit_module, "train_epoch", stop_in_the_second)
    with pytest.raises(KeyboardInterrupt):
        fit(CYCLE, tiny, tmp_path / "run")
    monkeypatch.undo()
    assert len(history(tmp_path / "run")) == 1
    fit(CYCLE, tiny, tmp_path / "run")

    pd.testing.assert_frame_equal(history(tmp_path / "run"), history(run))
    whole, resumed = (load_checkpoint(r / "last.pt")["trainer"] for r in (run, tmp_path / "run"))
    for name, value in whole["model"].items():
        assert torch.equal(value, resumed["model"][name]), name


def test_a_run_of_another_recipe_is_not_continued(run: Path, tiny: Path) -> None:
    with pytest.raises(ValueError, match="another recipe"):
        fit(CYCLE.override(seed=5), tiny, run)


def test_evaluate_and_export_make_a_bundle_the_app_loads(
    run: Path, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(run), "--data", str(tiny)]) == 0
    printed = capsys.readouterr().out
    for words in ("validation", "official test", "auroc", "sensitivity", "precision", "f1"):
        assert words in printed
    metrics = json.loads((run / "evaluation.json").read_text())
    assert main(["export", str(run), "--data", str(tiny), "--out", str(tmp_path / "b.pt")]) == 0

    bundle = load_bundle(tmp_path / "b.pt")
    assert bundle.card.preprocessing.size == load_checkpoint(run / "best.pt")["size"]
    assert len(bundle.card.cohorts["test"].patients) == metrics["test"]["pneumonia"]["auroc"]["n"]
    assert set(bundle.card.training["weights"]) == {"stored as", "AUROC cost of float16"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.json", "b.pt"]


def test_a_pretrained_run_freezes_first_and_stops_on_a_plateau(
    run: Path, tiny: Path, tmp_path: Path
) -> None:
    head = Phase(1e-3, ((32, 1),), frozen=True)
    # A rate of nothing cannot improve: patience 1 ends the phase after two more epochs.
    rest = Phase(0.0, ((32, 9),), patience=1)
    recipe = shrink("finetune", head, rest).override(init=str(run / "best.pt"))
    fit(recipe, tiny, tmp_path / "run")
    rows = history(tmp_path / "run")
    assert list(rows["phase"][:2]) == [0, 1]
    assert len(rows) < 10

    before = load_checkpoint(run / "best.pt")["model"]
    after = load_checkpoint(tmp_path / "run/best.pt")["model"]
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"head.3.weight", "head.3.bias"}


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.toml")), ids=lambda path: path.stem)
def test_every_shipped_recipe_loads(path: Path) -> None:
    recipe = load_recipe(path)
    assert [finding.name for finding in recipe.findings] == ["pneumonia", "viral"]
    assert all(phase.size_at(phase.epochs - 1) == phase.sizes[-1][0] for phase in recipe.phases)


def test_an_unknown_key_of_a_recipe_is_named(tmp_path: Path) -> None:
    text = (RECIPES / "pneumonia.toml").read_text().replace("dropout =", "drop_out =")
    (tmp_path / "bad.toml").write_text(text)
    with pytest.raises(ValueError, match=r"bad.toml.*drop_out"):
        load_recipe(tmp_path / "bad.toml")


def test_wrong_usage_ends_with_two_and_a_sentence(
    tmp_path: Path, tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(tmp_path), "--data", str(tiny)]) == 2
    assert "holds no best.pt" in capsys.readouterr().err
