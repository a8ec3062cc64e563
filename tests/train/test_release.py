from pathlib import Path

import pandas as pd
import pytest

from tests.places import ROOT
from tests.train.small import LATER, RECIPES
from train.__main__ import _build_parser, main
from train.evaluate import load_run
from train.recipe import load_recipe
from train.release import load_plan, release


def test_a_plan_runs_every_step_and_says_how_long_it_took(tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text('steps = ["fit --out runs/a", "shortcuts runs/a"]')
    asked: list[list[str]] = []
    extra = {"fit": ["--batch", "64"]}
    release(plan, tmp_path / "runs/steps.csv", extra, asked.append)
    assert asked == [["fit", "--out", "runs/a", "--batch", "64"], ["shortcuts", "runs/a"]]
    steps = [" ".join(step) for step in load_plan(plan)]
    assert list(pd.read_csv(tmp_path / "runs/steps.csv")["step"]) == steps
    plan.write_text("steps = 3")
    with pytest.raises(ValueError, match="plan.toml"):
        release(plan, tmp_path / "steps.csv", {}, asked.append)
    plan.write_text('steps = ["fit --out runs/a", " "]')
    with pytest.raises(ValueError, match="plan.toml: step 2 is an empty line"):
        load_plan(plan)


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


def test_every_step_of_the_shipped_plan_is_a_line_of_the_command_line() -> None:
    for step in load_plan(RECIPES / "release.toml"):
        options = _build_parser().parse_args(step)
        assert callable(options.run_command)
        if "--recipe" in step:
            load_recipe(ROOT / options.recipe)
