import dataclasses
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from cxrapp.model.bundle import load_bundle
from cxrapp.model.card import Calibration
from cxrapp.model.predict import measure_distances
from tests.places import ROOT
from tests.train.small import CYCLE, EARLIER, LATER, RECIPES, shrink
from train import fit as fit_module
from train.__main__ import _build_parser, main
from train.augment import augment
from train.distil import posterior
from train.evaluate import encode_films, learn_distance, load_run, read_openings, score
from train.export import require_numbers
from train.files import load_checkpoint
from train.fit import fit
from train.measure import Outputs, asks_everything, measure
from train.recipe import Augment, Phase, load_recipe
from train.release import load_plan, release
from train.repeat import cross_validate, repeat_seeds
from train.sources import SOURCES


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
    run = Path(shutil.copytree(run, tmp_path / "run"))
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
    assert set(bundle.card.training["weights"]) == {"stored as", "AUROC cost of float16"}
    assert bundle.card.shortcuts == {}
    assert bundle.card.gate.warn < bundle.card.gate.refuse
    assert sorted(path.name for path in out.parent.iterdir()) == ["b.json", "b.pt"]


def test_a_pretrained_run_freezes_first_and_stops_on_a_plateau(
    run: Path, tiny: Path, tmp_path: Path
) -> None:
    head = Phase(1e-3, ((32, 1),), trainable=0.0)
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
    other = CYCLE.override(init=str(run / "best.pt"))
    fit(other, tiny, tmp_path / "second")
    (tmp_path / "second/split.csv").write_text("split,sha256\n")  # as if it had other films
    with pytest.raises(ValueError, match="was trained on"):
        third = CYCLE.override(init=str(tmp_path / "second/best.pt"), validation=EARLIER)
        fit(third, tiny, tmp_path / "run")


def test_accuracy_over_classes_leaves_out_sources_that_lack_one() -> None:
    rows = pd.DataFrame({"source": list("aaabb"), "pneumonia": [0, 1, 1, 0, 1], "viral": np.nan})
    rows.loc[[1, 2], "viral"] = [0, 1]
    assert list(asks_everything(CYCLE.findings, rows)) == [True, True, True, False, False]
    rows.loc[4, "viral"] = 0  # b has no viral film
    assert not asks_everything(CYCLE.findings, rows)[3:].any()


def test_words_say_whom_a_cohort_holds(run: Path, tiny: Path) -> None:
    still = CYCLE.override(augment=Augment.none(), where="viral == 1", sources=("covid19",))
    trained = load_run(run)
    rows = {name: part for name, part in trained.table.groupby("split") if name != "train"}
    zeros = {
        name: Outputs(np.zeros((len(part), 2)), np.zeros(len(part))) for name, part in rows.items()
    }
    for name, part in rows.items():
        zeros[name].logits[:, 0] = part["pneumonia"]
        zeros[name].logits[:, 1] = part["viral"].fillna(0)
    cohorts = measure(still, trained.table, zeros).cohorts
    assert "shape" not in cohorts["validation"].description
    assert "patients set apart for good; only viral == 1" in cohorts["test"].description
    cohorts = measure(CYCLE, trained.table, zeros).cohorts
    assert "random shape and sharpness" in cohorts["validation"].description
    assert "(official test)" in cohorts["test"].description


def test_a_label_moves_as_far_as_labels_are_wrong() -> None:
    labels, logits = np.array([True, False, True, False]), np.array([-2.0, -2.0, 2.0, 2.0])
    trusted = posterior(labels, logits, Calibration(1.0, 0.0))
    np.testing.assert_array_equal(trusted, labels)
    doubted = posterior(labels, logits, Calibration(1.0, 0.0, (0.1, 0.3)))
    truth = 1 / (1 + np.exp(-logits))
    expected = 0.7 * truth[0] / (0.7 * truth[0] + 0.1 * (1 - truth[0]))
    assert doubted[0] == pytest.approx(expected)
    assert doubted[1] < truth[1] < doubted[0] and doubted[3] < truth[3] < doubted[2]


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


def test_calibration_sees_films_of_other_shapes_and_the_gate_films_as_they_are(
    run: Path, tiny: Path
) -> None:
    trained = load_run(run)
    distance = learn_distance(trained, run, tiny)
    rows = trained.table[trained.table["split"] == "validation"]
    logits, averages = encode_films(trained, rows, trained, tiny, "as they are")
    varied = score(trained, distance, trained, tiny)["validation"]
    assert np.abs(varied.logits - logits).min() > 1e-4
    np.testing.assert_allclose(
        varied.distances, measure_distances(distance, averages), atol=1e-4, rtol=1e-4
    )
    recipe = dataclasses.replace(trained.recipe, augment=Augment(aspect=0, sharpness=0))
    still = score(trained, distance, dataclasses.replace(trained, recipe=recipe), tiny)
    np.testing.assert_allclose(still["validation"].logits, logits, atol=1e-3)


def test_folds_and_seeds_are_measured_together(tiny: Path, tmp_path: Path) -> None:
    phase = Phase(1e-3, ((32, 1),), "onecycle")
    recipe = shrink("pneumonia", phase)
    cross_validate(recipe, tiny, tmp_path / "folds", folds=2)
    repeat_seeds(recipe, tiny, tmp_path / "seeds", [1, 2])
    measured = {"folds": (["fold-1", "fold-2"], "left out"), "seeds": (["seed-1", "seed-2"],)}
    for name, (runs, *cohort) in measured.items():
        table = pd.read_csv(tmp_path / name / "summary.csv")
        assert list(table["run"].unique()) == [*runs, "mean", "std"]
        assert "test" not in set(table["cohort"])
        rows = table[(table["cohort"] == (cohort or ["validation"])[0])]
        rows = rows[rows["finding"] == "pneumonia"].set_index("run")
        assert rows["auroc"]["mean"] == pytest.approx(rows["auroc"][runs].mean())


def test_a_cross_validation_has_an_opinion_of_every_training_film(
    tiny: Path, tmp_path: Path
) -> None:
    recipe = shrink("pneumonia", Phase(1e-3, ((32, 1),), "onecycle"))
    recipe = recipe.override(backbone="small_cnn")
    folds = tmp_path / "folds"
    cross_validate(recipe, tiny, folds, folds=2)
    splits = [pd.read_csv(folds / f"fold-{k}/split.csv") for k in (1, 2)]
    apart = [set(split.query("split == 'left out'")["sha256"]) for split in splits]
    learned = [set(split.query("split == 'train'")["sha256"]) for split in splits]
    assert apart[0] == learned[1] and apart[1] == learned[0]
    opinions = pd.read_csv(folds / "opinions.csv").set_index("sha256")
    assert set(opinions.index) == apart[0] | apart[1]
    first = pd.read_csv(folds / "fold-1/scores.csv").query("split == 'left out'")
    said = opinions.loc[first["sha256"], "viral_logit"]
    assert list(said) == list(first["viral_logit"])

    taught = recipe.override(teachers=(str(folds),), teaching=0.5)
    fit(taught, tiny, tmp_path / "run")
    labels, table = (pd.read_csv(tmp_path / f"run/{name}.csv") for name in ("labels", "split"))
    learned_from = table["split"] == "train"
    assert labels.stack().dropna().between(0, 1).all()
    assert not labels.loc[learned_from, "pneumonia"].isin([0, 1]).any()
    kept = labels[~learned_from]
    pd.testing.assert_frame_equal(kept, table.loc[kept.index, list(labels)], check_dtype=False)
    with pytest.raises(ValueError, match="was trained on"):
        fit(taught.override(validation=EARLIER), tiny, tmp_path / "other")
    with pytest.raises(ValueError, match=r"opinions.csv is missing"):
        fit(recipe.override(teachers=(str(tmp_path / "none"),)), tiny, tmp_path / "another")


def test_no_change_is_none_at_all() -> None:
    films = torch.rand((4, 1, 32, 32), generator=torch.Generator().manual_seed(0))
    same = augment(films, Augment.none(), torch.Generator().manual_seed(1))
    torch.testing.assert_close(same, films, atol=1e-4, rtol=0)


def test_a_plan_runs_every_step_and_says_how_long_it_took(tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text('steps = ["fit --out runs/a", "shortcuts runs/a"]')
    asked: list[list[str]] = []
    extra = {"fit": ["--batch", "64"]}
    release(plan, tmp_path / "runs/steps.csv", extra, asked.append)
    assert asked == [["fit", "--out", "runs/a", "--batch", "64"], ["shortcuts", "runs/a"]]
    assert list(pd.read_csv(tmp_path / "runs/steps.csv")["step"]) == load_lines(plan)
    plan.write_text("steps = 3")
    with pytest.raises(ValueError, match="plan.toml"):
        release(plan, tmp_path / "steps.csv", {}, asked.append)


def test_one_command_trains_teachers_and_student_and_measures_them(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shipped = (RECIPES / "pneumonia.toml").read_text()
    phases = shipped.index("[[phases]]")
    short = f"validation = {list(LATER)}\nbackbone = 'small_cnn'\n" + shipped[:phases]
    short += "[[phases]]\nschedule = 'onecycle'\nrate = 1e-3\nsizes = [[32, 1]]\n"
    (tmp_path / "student.toml").write_text(short)
    teachers = short.replace('teachers = ["runs/teachers"]\n', "")
    (tmp_path / "teachers.toml").write_text(teachers)
    (tmp_path / "plan.toml").write_text(
        "steps = ['crossval --recipe teachers.toml --folds 2 --out runs/teachers',"
        "'fit --recipe student.toml --out runs/student',"
        "'shortcuts runs/student']"
    )
    command = ["release", "--plan", "plan.toml", "--batch", "8", "--data", str(tiny)]
    assert main(command) == 0
    steps = pd.read_csv("runs/steps.csv")
    assert list(steps["step"].str.split().str[0]) == ["crossval", "fit", "shortcuts"]
    recipe = load_run(Path("runs/student")).recipe
    assert recipe.batch == 8 and recipe.teachers == ("runs/teachers",)
    assert main(command) == 0  # what is done is done; the same command goes on
    assert len(pd.read_csv("runs/steps.csv")) == 6


def load_lines(plan: Path) -> list[str]:
    return [" ".join(step) for step in load_plan(plan)]


def test_every_step_of_the_shipped_plan_is_a_line_of_the_command_line() -> None:
    for step in load_plan(RECIPES / "release.toml"):
        options = _build_parser().parse_args(step)
        assert callable(options.run_command)
        if "--recipe" in step:
            load_recipe(ROOT / options.recipe)


def test_a_larger_batch_takes_larger_steps() -> None:
    larger = CYCLE.with_batch(4 * CYCLE.batch)
    assert larger.batch == 4 * CYCLE.batch
    assert [phase.rate for phase in larger.phases] == [2 * phase.rate for phase in CYCLE.phases]


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


def test_what_could_not_be_measured_is_named() -> None:
    rate, gap = ({"value": value, "low": 0.1, "high": 0.9} for value in (0.5, float("nan")))
    require_numbers({"test": {"viral": {"auroc": rate}}})
    with pytest.raises(ValueError, match="too few films to measure auroc of viral on test films"):
        require_numbers({"test": {"viral": {"auroc": gap, "accuracy": rate}}})
