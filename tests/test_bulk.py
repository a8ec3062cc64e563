"""Runs in parts. What Ray does is tested on a real cluster of this machine's cores."""

import dataclasses
import importlib.util
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil
import pytest

from cxrapp.__main__ import main
from cxrapp.bulk import job
from cxrapp.bulk.files import File, find_files, read_file
from cxrapp.bulk.job import Job, Part, cut, identify, parts_folder
from cxrapp.bulk.part import Screener, write_whole
from cxrapp.bulk.run import run
from cxrapp.bundle import WEIGHTS
from cxrapp.card import load_card
from cxrapp.errors import CxrError
from cxrapp.limits import MAX_FILE_BYTES

ROOT = Path(__file__).parents[1]
SAMPLES = sorted((ROOT / "cxrapp/samples").glob("*.jpeg"))
BUNDLE = WEIGHTS / "pneumonia.pt"
# A process of its own, to be killed, with parts small enough to die between them.
PROGRAM = """
import sys
from cxrapp.bulk import job
job.PART_FILES = 2
from cxrapp.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "PART_FILES", 2)


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ward's folder: 11 files, one of them broken, one an archive of two films."""
    folder = tmp_path_factory.mktemp("bulk") / "films"
    (folder / "ward 3").mkdir(parents=True)
    for index in range(9):
        place = folder / ("ward 3" if index % 2 else ".") / f"film {index}.jpeg"
        shutil.copy(SAMPLES[index % len(SAMPLES)], place)
    (folder / "broken.png").write_bytes(SAMPLES[0].read_bytes()[:3000])
    with zipfile.ZipFile(folder / "archive.zip", "w") as archive:
        archive.write(SAMPLES[1], "b.jpeg")
        archive.write(SAMPLES[2], "c.jpeg")
    return folder


@pytest.fixture(scope="module")
def table(films: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The films' table from a run that nothing disturbed."""
    csv = tmp_path_factory.mktemp("undisturbed") / "out.csv"
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(job, "PART_FILES", 2)
        assert main(["screen", str(films), "--csv", str(csv), "--bundle", str(BUNDLE)]) == 0
    assert len(csv.read_bytes().splitlines()) == 1 + 2 * 12
    return csv.read_bytes()


def start(*arguments: object, **environment: str) -> subprocess.Popen:
    command = [sys.executable, "-c", PROGRAM, "screen", *map(str, arguments)]
    return subprocess.Popen(
        [*command, "--bundle", str(BUNDLE)],
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        stderr=subprocess.PIPE,
        text=True,
    )


def finished_parts(csv: Path) -> list[Path]:
    return sorted(parts_folder(csv).glob("*/??????.csv"))


def wait_for_parts(process: subprocess.Popen, csv: Path, count: int) -> None:
    while len(finished_parts(csv)) < count:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.01)


def describe(csv: Path, **changes: object) -> Job:
    values = {
        "thresholds": {"pneumonia": 0.5, "viral": 0.5},
        "heatmaps": None,
        "identity": "0" * 16,
    }
    return Job(**{"bundle": BUNDLE, "csv": csv} | values | changes)


def test_files_come_in_the_order_of_their_names_without_clutter_and_outputs(
    tmp_path: Path,
) -> None:
    for name in ("b/2.png", "b/1.png", "a.png", "b.png", ".hidden.png", "maps/a.png", "out.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    outputs = [tmp_path / "maps", tmp_path / "out.csv"]
    found = list(find_files([tmp_path, tmp_path / "b.png"], outputs))
    inside = ["a.png", "b/1.png", "b/2.png", "b.png"]
    assert [file.name for file in found] == [*inside, str(tmp_path / "b.png")]
    assert [file.path for file in found[:4]] == [str(tmp_path / name) for name in inside]


def test_a_name_that_is_no_utf8_is_spelt_out(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.png")).write_bytes(b"x")
    (file,) = find_files([tmp_path])
    assert file.name == r"caf\xe9.png"
    assert [film.reason for film in read_file(file)] == [
        "The file is not a DICOM, JPEG or PNG film."
    ]


def test_what_cannot_be_read_says_why(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link to a folder").symlink_to(tmp_path / "folder")
    (tmp_path / "link to nothing").symlink_to(tmp_path / "nothing")
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    reasons = {file.name: [r.reason for r in read_file(file)] for file in find_files([tmp_path])}
    assert reasons == {
        "a pipe": ["It is not a file."],
        "link to a folder": ["It is not a file."],
        "link to nothing": ["The file cannot be opened (No such file or directory)."],
        "sparse": ["The file is larger than 50 MB."],
    }


@pytest.mark.skipif(os.geteuid() == 0, reason="root may list every folder")
def test_a_folder_that_cannot_be_listed_is_a_row(tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0)
    (file,) = find_files([tmp_path])
    assert file.name == "locked"
    assert [r.reason for r in read_file(file)] == ["The file cannot be opened (Permission denied)."]


def test_a_stopped_run_screens_only_what_is_missing(
    films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = list(find_files([films]))
    work = describe(tmp_path / "out.csv")
    asked = []

    def stop_after_three(screener: Screener, parts: Sequence[Part]) -> Iterator[int]:
        for part in parts[:3]:
            screener.write(part)
            yield len(part.files)
        raise KeyboardInterrupt

    def note(screener: Screener, parts: Sequence[Part]) -> Iterator[int]:
        for part in reversed(parts):  # an engine may finish in any order
            asked.append(part.index)
            screener.write(part)
            yield len(part.files)

    with pytest.raises(KeyboardInterrupt):
        run(work, files, stop_after_three)
    assert not work.csv.exists()
    run(work, files, note)
    assert asked == [5, 4, 3]
    assert "6 of 11 files were screened before; going on." in capsys.readouterr().err
    names = [line.split(",")[0] for line in work.csv.read_text().splitlines()[1::2]]
    assert names == [
        *("archive.zip/b.jpeg", "archive.zip/c.jpeg", "broken.png"),
        *(f"film {index}.jpeg" for index in range(0, 9, 2)),
        *(f"ward 3/film {index}.jpeg" for index in range(1, 9, 2)),
    ]
    assert list(tmp_path.iterdir()) == [work.csv]


def test_a_run_killed_again_and_again_gives_the_same_table(
    films: Path, table: bytes, tmp_path: Path
) -> None:
    csv = tmp_path / "out.csv"
    for count in (1, 2, 4):
        process = start(films, "--csv", csv)
        wait_for_parts(process, csv, count)
        process.kill()
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        assert not csv.exists()
    process = start(films, "--csv", csv)
    said = process.communicate()[1]
    assert process.returncode == 0
    assert "files were screened before; going on." in said
    assert csv.read_bytes() == table
    assert list(tmp_path.iterdir()) == [csv]


def test_a_changed_run_starts_anew(
    films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    csv = tmp_path / "out.csv"
    film = str(films / "film 0.jpeg")
    command = ["screen", film, "--csv", str(csv), "--bundle", str(BUNDLE)]
    with monkeypatch.context() as stopped:
        stopped.setattr("cxrapp.bulk.run._join", lambda *_: None)
        assert main(command) == 0
    assert len(finished_parts(csv)) == 1
    assert main([*command, "--threshold", "viral=0.9"]) == 0
    said = capsys.readouterr().err
    assert "starting anew" in said and "screened before" not in said
    assert ",viral," in csv.read_text() and ",0.9," in csv.read_text()
    assert list(tmp_path.iterdir()) == [csv]


def test_a_job_is_another_when_anything_that_changes_a_row_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"x")
    card, files = load_card(BUNDLE), [File("a.png", str(path))]
    thresholds = card.default_thresholds()
    seen = [identify(card, thresholds, None, files)]
    assert seen == [identify(card, dict(reversed(thresholds.items())), None, list(files))]
    seen += [
        identify(dataclasses.replace(card, sha256="0" * 64), thresholds, None, files),
        identify(card, thresholds | {"viral": 0.9}, None, files),
        identify(card, thresholds, tmp_path, files),
        identify(card, thresholds, None, files * 2),
        identify(card, thresholds, None, [File("b.png", str(path))]),
    ]
    path.write_bytes(b"xx")
    seen.append(identify(card, thresholds, None, files))
    path.unlink()
    seen.append(identify(card, thresholds, None, files))
    monkeypatch.setattr(job, "PART_FILES", 3)
    seen.append(identify(card, thresholds, None, files))
    monkeypatch.setattr(job, "__version__", "9.9.9")
    seen.append(identify(card, thresholds, None, files))
    assert len(set(seen)) == len(seen) == 10


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "out.csv.parts/notes").mkdir(parents=True)
    shutil.copy(SAMPLES[0], tmp_path / "film.jpeg")
    assert main(["screen", str(tmp_path), "--csv", str(tmp_path / "out.csv")]) == 0
    assert (tmp_path / "out.csv.parts/notes").is_dir()
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 3


def test_a_table_is_whole_or_not_there(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))  # as a disk that is full
    try:
        with pytest.raises(CxrError, match=r"part\.csv: cannot be written \(File too large\)"):
            with write_whole(tmp_path / "part.csv") as file:
                file.write("x" * 2000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    with pytest.raises(KeyboardInterrupt), write_whole(tmp_path / "part.csv") as file:
        file.write("half a row")
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())


def test_a_name_as_long_as_names_get_has_its_heat_maps(tmp_path: Path) -> None:
    film = tmp_path / ("ü" * 122 + "i.jpeg")
    shutil.copy(SAMPLES[0], film)
    work = describe(tmp_path / "out.csv", heatmaps=tmp_path / "maps")
    work.folder.mkdir(parents=True)
    Screener(work).write(cut([File(film.name, str(film))])[0])
    assert len(list((tmp_path / "maps").glob("*i.jpeg.viral.png"))) == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--csv", "{}"], "it is there already, and not a file"),
        (["--csv", "{}/nowhere/out.csv"], "there is no folder"),
        (["--csv", "{}/out.csv", "--heatmaps", "{}"], "heat maps need a folder without films"),
        (["--csv", "{}/out.csv", "--workers", "2"], "--workers is for --engine ray"),
    ],
)
def test_what_would_fail_after_hours_is_refused_at_once(
    arguments: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["screen", str(tmp_path), *(a.format(tmp_path) for a in arguments)]
    assert main(command) == 2
    assert words in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_without_ray_the_ray_engine_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    csv = str(tmp_path / "out.csv")
    assert main(["screen", str(SAMPLES[0]), "--csv", csv, "--engine", "ray"]) == 2
    assert "--engine ray needs Ray; install it with" in capsys.readouterr().err


def test_ray_is_imported_only_by_its_engine() -> None:
    code = "import cxrapp.__main__, sys; sys.exit('ray' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="Ray is not installed"
)


def listening(processes: list[psutil.Process]) -> set[str]:
    """The addresses on which processes accept connections."""
    sockets = [socket for process in processes for socket in process.net_connections("inet")]
    return {socket.laddr.ip for socket in sockets if socket.status == psutil.CONN_LISTEN}


@pytest.fixture
def short_folder() -> Iterator[str]:
    """Where Ray keeps its sockets, whose paths may have 107 bytes; a killed run leaves them."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        yield folder


@needs_ray
def test_ray_killed_and_started_again_gives_the_local_table(
    films: Path, table: bytes, tmp_path: Path, short_folder: str
) -> None:
    csv = tmp_path / "out.csv"
    command = (films, "--csv", csv, "--engine", "ray", "--workers", "2")
    command += ("--heatmaps", tmp_path / "maps")
    process = start(*command, TMPDIR=short_folder)
    wait_for_parts(process, csv, 1)
    cluster = psutil.Process(process.pid).children(recursive=True)
    addresses = listening([psutil.Process(process.pid), *cluster])
    assert addresses and addresses <= {"127.0.0.1", "::ffff:127.0.0.1", "::1"}
    process.kill()
    process.communicate()
    assert not psutil.wait_procs(cluster, timeout=120)[1]  # nothing outlives the run
    assert not csv.exists()

    process = start(*command, TMPDIR=short_folder)
    said = process.communicate()[1]
    assert process.returncode == 0, said
    assert "files were screened before; going on." in said
    assert csv.read_bytes() == table
    assert len(list((tmp_path / "maps").iterdir())) == 2 * 11
    assert sorted(tmp_path.iterdir()) == [tmp_path / "maps", csv]


@needs_ray
def test_a_part_that_cannot_be_written_ends_a_ray_run_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "maps").touch()
    csv, maps = tmp_path / "out.csv", tmp_path / "maps"
    process = start(SAMPLES[0], "--csv", csv, "--engine", "ray", "--heatmaps", maps)
    said = process.communicate()[1]
    assert process.returncode == 2
    assert "cannot be written (File exists)" in said and "Traceback" not in said


@needs_ray
def test_a_cluster_that_does_not_answer_ends_in_a_sentence(tmp_path: Path) -> None:
    csv = tmp_path / "out.csv"
    process = start(SAMPLES[0], "--csv", csv, "--engine", "ray", RAY_ADDRESS="127.0.0.1:9")
    said = process.communicate()[1]
    assert process.returncode == 2
    assert "No Ray cluster answers at 127.0.0.1:9" in said and "Traceback" not in said
