import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch

from cxrapp.model.bundle import load_bundle
from tests.places import ROOT
from tests.train.small import CYCLE, EARLIER, shrink
from train import fit as fit_module
from train.__main__ import main
from train.evaluate import read_openings
from train.files import load_checkpoint
from train.fit import fit
from train.recipe import Phase


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
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    fit(CYCLE.override(backbone="densenet121"), tiny, run)  # the network that ships
    capsys.readouterr()
    assert main(["evaluate", str(run), "--data", str(tiny)]) == 0
    assert "official test" not in capsys.readouterr().out
    assert read_openings(run) == 0
    assert main(["evaluate", str(run), "--data", str(tiny), "--test"]) == 0
    printed = capsys.readouterr().out
    assert read_openings(run) == 1
    for words in ("validation", "official test", "auroc", "sensitivity", "precision", "f1"):
        assert words in printed
    metrics = json.loads((run / "evaluation.json").read_text())["metrics"]
    out = tmp_path / "out/b.pt"
    assert main(["export", str(run), "--data", str(tiny), "--out", str(out)]) == 0

    bundle = load_bundle(out)
    assert bundle.card.training["test openings"] == 1
    assert bundle.card.preprocessing.size == load_checkpoint(run / "best.pt")["size"]
    assert len(bundle.card.cohorts["test"].patients) == metrics["test"]["pneumonia"]["auroc"]["n"]
    stored = bundle.card.training["weights"]
    assert set(stored) == {"stored as", "AUROC cost of float16", "bfloat16"}
    assert stored["bfloat16"]["films"] == sum(
        len(cohort.distances) for cohort in bundle.card.cohorts.values()
    )
    assert stored["bfloat16"]["probability"] < 0.2  # of a network trained for seconds
    assert bundle.card.shortcuts == {}
    assert set(bundle.card.lung_chance) <= set(bundle.card.metrics["test"])
    assert bundle.card.gate.warn < bundle.card.gate.refuse
    assert sorted(path.name for path in out.parent.iterdir()) == ["b.json", "b.pt"]


def test_a_pretrained_run_freezes_first_and_stops_on_a_plateau(
    run: Path, tiny: Path, tmp_path: Path
) -> None:
    head = Phase(1e-3, ((32, 1),), trainable=0.0)
    # A rate of nothing cannot improve: patience 1 ends the phase after two more epochs.
    rest = Phase(0.0, ((32, 9),), patience=1)
    start = {"init": str(run / "best.pt"), "backbone": CYCLE.backbone}
    recipe = shrink("finetune", head, rest).override(**start)
    fit(recipe, tiny, tmp_path / "run")
    rows = history(tmp_path / "run")
    assert list(rows["phase"][:2]) == [0, 1]
    assert len(rows) < 10

    before = load_checkpoint(run / "best.pt")["model"]
    after = load_checkpoint(tmp_path / "run/best.pt")["model"]
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"head.3.weight", "head.3.bias"}


def test_the_kept_weights_are_the_moving_average(tiny: Path, tmp_path: Path) -> None:
    phase = Phase(1e-2, ((32, 4),), "onecycle")
    recipe = shrink("pneumonia", phase).override(average=0.9)
    fit(recipe, tiny, tmp_path / "run")
    trained = load_checkpoint(tmp_path / "run/last.pt")["trainer"]
    name = "features.1.conv0.weight"
    averaged = trained["averaged"][f"module.{name}"]
    assert not torch.equal(averaged, trained["model"][name])
    # A cycle is kept as it ends, whatever validation said on the way.
    assert torch.equal(load_checkpoint(tmp_path / "run/best.pt")["model"][name], averaged)


def test_a_start_that_saw_the_films_set_apart_is_refused(
    run: Path, tiny: Path, tmp_path: Path
) -> None:
    recipe = CYCLE.override(init=str(run / "best.pt"), validation=EARLIER)
    with pytest.raises(ValueError, match=r"was trained on \d+ films that this run sets"):
        fit(recipe, tiny, tmp_path / "run")
    with pytest.raises(ValueError, match=r"was trained on \d+ films that this run sets"):
        fit(CYCLE.override(teachers=(str(run),), validation=EARLIER), tiny, tmp_path / "run")


def test_what_a_start_has_learned_from_is_followed(run: Path, tiny: Path, tmp_path: Path) -> None:
    short = (Phase(1e-3, ((32, 1),), "onecycle"),)
    other = CYCLE.override(init=str(run / "best.pt"), phases=short)
    fit(other, tiny, tmp_path / "second")
    (tmp_path / "second/split.csv").write_text("split,sha256\n")  # as if it had other films
    with pytest.raises(ValueError, match="was trained on"):
        third = CYCLE.override(init=str(tmp_path / "second/best.pt"), validation=EARLIER)
        fit(third, tiny, tmp_path / "run")


def test_two_processes_train_like_one(tiny: Path, run: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.json"
    recipe.write_text(json.dumps(CYCLE.as_dict()))
    code = (
        "import json, sys; from pathlib import Path; from train.fit import fit;"
        "from train.recipe import recipe_from;"
        "fit(recipe_from(json.loads(Path(sys.argv[1]).read_text())), *map(Path, sys.argv[2:]))"
    )
    (tmp_path / "start.py").write_text(code)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc-per-node", "2", str(tmp_path / "start.py")]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    arguments = [recipe, tiny, tmp_path / "run"]
    subprocess.run([*command, *map(str, arguments)], check=True, env=environment, timeout=300)
    alone, together = history(run), history(tmp_path / "run")
    assert list(together.columns) == list(alone.columns)
    assert list(together["rate"]) == pytest.approx(list(alone["rate"]))
    assert list(together["validation_loss"]) == pytest.approx(
        list(alone["validation_loss"]), rel=0.2
    )
