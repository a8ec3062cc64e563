"""A full disk and a folder that may not be written to end in one sentence that names the file."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cxrapp.runtime.files import write_whole
from cxrapp.statistics import bootstrap
from tests.places import ROOT, SAMPLES
from tests.train.small import LATER, RECIPES, shrink
from train import __main__ as program
from train.__main__ import main
from train.fit import fit
from train.recipe import Phase

# A seed with which so small a network calls some test film viral: an export needs a precision.
SMALL = shrink("pneumonia", Phase(1e-3, ((32, 4),), "onecycle"))
RECIPE = SMALL.override(backbone="small_cnn", seed=3)
FULL = "/dev/full"  # takes a file and has no room for it


@pytest.fixture(scope="module")
def trained(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("trained") / "run"
    fit(RECIPE, tiny, run)
    return run


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A small recipe, and intervals from 20 samples: how wide they are is not asked here."""
    monkeypatch.setattr(program, "load_recipe", lambda path: RECIPE)
    monkeypatch.setattr(bootstrap, "REPLICATES", 20)
    bootstrap.resamples.cache_clear()
    yield
    bootstrap.resamples.cache_clear()


def fill(path: Path) -> None:
    """Make the disk full for this one file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_name(path.name + ".part").symlink_to(FULL)


def test_a_file_that_does_not_fit_leaves_the_older_one(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("older")
    fill(path)
    with pytest.raises(OSError, match="No space left on device") as error:
        write_whole(path, b"newer")
    assert error.value.filename == str(path)
    assert path.read_text() == "older"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["split.csv", "labels.csv", "last.pt", "best.pt", "history.csv"])
def test_a_training_on_a_full_disk_says_so_and_goes_on_when_there_is_room(
    tiny: Path, tmp_path: Path, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    command = ["fit", "--recipe", "small.toml", "--out", str(run), "--data", str(tiny)]
    fill(run / name)
    assert main(command) == 2
    assert capfd.readouterr().err.splitlines()[-1] == (
        f"train: {run / name}: No space left on device."
    )
    assert not (run / name).exists()
    assert main(command) == 0
    assert {"best.pt", "history.csv", "last.pt"} < {path.name for path in run.iterdir()}
    assert not list(run.glob("*.part"))


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("evaluate", "distance.pt"),
        ("evaluate", "scores.csv"),
        ("evaluate", "evaluation.json"),
        ("report", "report.json"),
        ("report", "report.html"),
        ("export", "weights/b.pt"),
        ("export", "weights/b.json"),
    ],
)
def test_what_is_made_of_a_run_ends_in_a_sentence_on_a_full_disk(
    trained: Path,
    tiny: Path,
    tmp_path: Path,
    command: str,
    name: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    run = Path(shutil.copytree(trained, tmp_path / "run"))
    fill(run / name)
    out = ["--out", str(run / "weights/b.pt")] if command == "export" else []
    assert main([command, str(run), "--data", str(tiny), *out]) == 2
    assert capfd.readouterr().err.splitlines()[-1] == (
        f"train: {run / name}: No space left on device."
    )
    assert not (run / name).exists()
    assert not {"b.pt", "b.json"} & {path.name for path in run.rglob("b.*")}


@contextmanager
def mounted(folder: Path, *options: str) -> Iterator[None]:
    """A file system of its own at `folder`, where this machine lets us mount one."""
    done = subprocess.run(["mount", *options, str(folder)], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def read_only(trained: Path, tmp_path: Path) -> Iterator[Path]:
    """A finished run that nobody may write to, not even root."""
    folder = tmp_path / "read-only"
    shutil.copytree(trained, folder)
    with mounted(folder, "--bind", str(folder)):
        subprocess.run(["mount", "-o", "remount,bind,ro", str(folder)], check=True)
        yield folder


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (lambda run: ["fit", "--recipe", "small.toml", "--out", str(run)], "split.csv"),
        (lambda run: ["fit", "--recipe", "small.toml", "--out", str(run / "new")], "new"),
        (lambda run: ["evaluate", str(run)], "distance.pt"),
        (lambda run: ["report", str(run)], "distance.pt"),
        (lambda run: ["export", str(run), "--out", str(run / "b.pt")], "distance.pt"),
    ],
    ids=["fit", "fit anew", "evaluate", "report", "export"],
)
def test_a_folder_that_may_not_be_written_to_ends_in_a_sentence(
    read_only: Path,
    tiny: Path,
    arguments: Callable[[Path], list[str]],
    name: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert main([*arguments(read_only), "--data", str(tiny)]) == 2
    said = capfd.readouterr().err.splitlines()[-1]
    assert said == f"train: {read_only / name}: Read-only file system."


def run_program(*arguments: str | Path) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", *map(str, arguments)],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )


def test_a_disk_that_fills_up_while_training_ends_in_a_sentence(tiny: Path, tmp_path: Path) -> None:
    """TensorBoard's writers and half-written checkpoints included."""
    small, recipe = tmp_path / "small", tmp_path / "recipe.toml"
    small.mkdir()
    shipped = (RECIPES / "published/recall.toml").read_text()
    recipe.write_text(f"validation = {list(LATER)}\nbatch = 8\n" + shipped)
    with mounted(small, "-t", "tmpfs", "-o", "size=200k", "tmpfs"):
        arguments = ("--recipe", recipe, "--data", tiny, "--out", small / "run")
        done = run_program("train", "fit", *arguments)
        left = {path.name for path in (small / "run").iterdir()}
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    last = done.stderr.splitlines()[-1]
    assert last == f"train: {small / 'run/last.pt'}: No space left on device."
    assert left == {"split.csv", "labels.csv", "tensorboard"}


@pytest.mark.slow
@pytest.mark.parametrize("options", [["-o", "size=4k"], ["-o", "ro"]], ids=["full", "read-only"])
def test_screening_ends_in_a_sentence_where_its_table_cannot_be_written(
    light_path: Path, tmp_path: Path, options: list[str]
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    with mounted(folder, "-t", "tmpfs", *options, "tmpfs"):
        if "ro" not in options:
            (folder / "filler").write_bytes(bytes(4096))
        command = ("cxrapp", "screen", SAMPLES[0], "--bundle", light_path)
        done = run_program(*command, "--csv", folder / "out.csv")
        left = list(folder.glob("out.csv"))
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    said = done.stderr.splitlines()[-1]
    assert said.startswith("cxrapp: ")
    assert "No space left on device" in said or "Read-only file system" in said
    assert not left
