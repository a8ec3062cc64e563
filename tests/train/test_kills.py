"""Training and export killed at any moment: what stands under a final name is whole."""

import random
import shutil
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
import torch
from PIL import Image

from cxrapp.model.bundle import find_bundles, load_bundle
from cxrapp.model.card_file import load_card
from cxrapp.statistics import bootstrap
from tests.train.kills import Course, kill_after, kill_at, run_whole
from tests.train.small import shrink
from train.evaluate import evaluate
from train.export import export
from train.files import load_checkpoint
from train.fit import fit
from train.recipe import Phase
from train.report import write_report
from train.shortcuts import measure_shortcuts

# Two phases, so that the second has to find the best of the first.
CYCLE, PLATEAU = Phase(1e-3, ((32, 2),), "onecycle"), Phase(1e-3, ((32, 1), (48, 1)))
RECIPE = shrink("pneumonia", CYCLE, PLATEAU).override(backbone="small_cnn", average=0.5)


@pytest.fixture(scope="module")
def films(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Real films, small enough to be read at once."""
    root = tmp_path_factory.mktemp("thumbnails") / "films"
    shutil.copytree(tiny, root)
    for path in root.rglob("*.jpeg"):
        with Image.open(path) as film:
            film.convert("L").resize((96, 80)).save(path, quality=95)
    return root


@dataclass(frozen=True)
class Whole:
    """A run that was never stopped, and its folder as it stood before each change."""

    run: Path
    course: Course
    kept: Path


@pytest.fixture(scope="module")
def whole(films: Path, tmp_path_factory: pytest.TempPathFactory) -> Whole:
    folder = tmp_path_factory.mktemp("whole")
    run, kept = folder / "run", folder / "kept"
    return Whole(run, run_whole(run, fit, RECIPE, films, run, kept=kept), kept)


def names(folder: Path) -> list[str]:
    """Of all files, but for TensorBoard's, which hold the time."""
    found = (str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    return sorted(name for name in found if not name.startswith("tensorboard/"))


def export_quickly(run: Path, films: Path, out: Path) -> None:
    """Intervals from 20 samples: how wide they are is not asked here."""
    bootstrap.REPLICATES = 20
    export(run, films, out)


def measure_all(run: Path, films: Path) -> None:
    bootstrap.REPLICATES = 20
    evaluate(run, films)
    measure_shortcuts(run, films)
    write_report(run, films)


def check_files(run: Path) -> None:
    """Whatever has its final name can be read, and belongs to the rest."""
    tables = {path.name: pd.read_csv(path) for path in run.glob("*.csv")}
    saved = {path.name: load_checkpoint(path) for path in run.glob("*.pt")}
    if "labels.csv" in tables:
        assert len(tables["labels.csv"]) == len(tables["split.csv"])
    epochs = len(saved["last.pt"]["history"]) if saved else 0
    written = len(tables.get("history.csv", ()))
    assert written in (epochs, epochs - 1)
    if written:
        assert 0 < saved["best.pt"]["epoch"] <= epochs


def check_same(run: Path, whole: Path) -> None:
    """The history, the weights to use and the weights to continue from are those of `whole`."""
    ours, theirs = (
        pd.read_csv(one / "history.csv").drop(columns="films_per_second") for one in (run, whole)
    )
    pd.testing.assert_frame_equal(ours, theirs)
    for weights, other in zip(load_weights(run), load_weights(whole), strict=True):
        for key, value in other.items():
            assert torch.equal(weights[key], value), key
    assert not list(run.glob("*.part"))


def load_weights(run: Path) -> tuple[dict[str, torch.Tensor], ...]:
    trainer = load_checkpoint(run / "last.pt")["trainer"]
    return load_checkpoint(run / "best.pt")["model"], trainer["model"], trainer["averaged"]


def test_the_second_phase_improves_at_once(whole: Whole) -> None:
    """Else a kill between the phases would prove nothing."""
    history = pd.read_csv(whole.run / "history.csv")
    assert history.groupby("phase")["best"].first().all()


@pytest.mark.slow
def test_a_training_killed_at_any_change_of_its_folder_resumes_to_the_same(
    whole: Whole, films: Path, tmp_path: Path
) -> None:
    changes = len(whole.course.changes)
    assert changes >= 20
    for change in range(1, changes + 1):
        run = whole.kept / str(change)
        if change % 7 == 4:  # a kill leaves what was kept of its moment, so the others need none
            kept, run = run, tmp_path / str(change)
            kill_at(change, run, fit, RECIPE, films, run)
            assert names(run) == names(kept) != []
        check_files(run)
        run_whole(run, fit, RECIPE, films, run)
        check_same(run, whole.run)


def test_a_training_killed_after_any_while_resumes_to_the_same(
    whole: Whole, films: Path, tmp_path: Path
) -> None:
    delays, kills = random.Random(0), 0
    for n in range(4):
        run, seconds = tmp_path / str(n), delays.uniform(0.1, 0.9) * whole.course.seconds
        for _ in range(2):  # what goes on may be killed as well
            kills += kill_after(seconds, fit, RECIPE, films, run)
            check_files(run)
        run_whole(run, fit, RECIPE, films, run)
        check_same(run, whole.run)
    assert kills


@pytest.fixture(scope="module")
def older(films: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weights folder that holds a bundle of another training."""
    folder = tmp_path_factory.mktemp("older")
    run = folder / "run"
    run_whole(run, fit, RECIPE.override(phases=(CYCLE,)), films, run)
    run_whole(run, export_quickly, run, films, folder / "weights/b.pt")
    return folder / "weights"


def check_bundles(weights: Path) -> None:
    for path in find_bundles(weights):
        load_bundle(path)
    for path in weights.glob("*.json"):
        load_card(path)


@pytest.mark.parametrize("replaces", [False, True], ids=["new", "replaced"])
def test_an_export_killed_at_any_change_leaves_no_half_bundle(
    whole: Whole, older: Path, films: Path, tmp_path: Path, replaces: bool
) -> None:
    def start(name: str) -> Path:
        if replaces:
            shutil.copytree(older, tmp_path / name)
        return tmp_path / name / "b.pt"

    out, kept = start("whole"), tmp_path / "kept"
    course = run_whole(out.parent, export_quickly, whole.run, films, out, kept=kept)
    digest = load_bundle(out).card.sha256
    last = len(course.changes)
    assert last >= 4
    for change in range(1, last + 1):
        check_bundles(kept / str(change))
    out = start("killed")
    kill_at(last, out.parent, export_quickly, whole.run, films, out)
    assert names(out.parent) == names(kept / str(last)) != []
    check_bundles(out.parent)
    run_whole(out.parent, export_quickly, whole.run, films, out)
    assert load_bundle(out).card.sha256 == digest
    assert sorted(path.name for path in out.parent.iterdir()) == ["b.json", "b.pt"]


def test_every_file_is_written_under_another_name_first(
    whole: Whole, films: Path, tmp_path: Path
) -> None:
    """TensorBoard's own files are logs: their readers pass over a line cut off."""
    copy = tmp_path / "run"
    shutil.copytree(whole.run, copy)
    measured = run_whole(copy, measure_all, copy, films)
    written = {
        name for event, name in (*whole.course.changes, *measured.changes) if event == "open"
    }
    assert {"last.pt.part", "report.html.part", "scores.csv.part"} <= written
    assert all(name.endswith(".part") for name in written)
