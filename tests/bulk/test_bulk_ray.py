"""What Ray does, on a real cluster of this machine's cores."""

import importlib.util
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from cxrapp.__main__ import main
from tests.bulk.bulk_runs import REST, finished_parts, start, wait_for_parts
from tests.places import ROOT, SAMPLES

PARTS = 6  # of eleven files, two in each
# Ray's workers step back for whatever else runs: beside other tests, films would be given up.
AS_QUICK = {"RAY_worker_niceness": "0"}


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
    films: Path, light_path: Path, tmp_path: Path, short_folder: str
) -> None:
    csv = tmp_path / "out.csv"
    assert main(["screen", str(films), "--csv", str(csv), "--bundle", str(light_path)]) == 0
    table = csv.read_bytes()
    csv.unlink()
    command = (films, "--csv", csv, "--heatmaps", tmp_path / "maps", "--engine", "ray", "--workers")
    process = start(*command, 1, bundle=light_path, rest=REST, TMPDIR=short_folder, **AS_QUICK)
    wait_for_parts(process, csv, 1)
    cluster = psutil.Process(process.pid).children(recursive=True)
    addresses = listening([psutil.Process(process.pid), *cluster])
    assert addresses and addresses <= {"127.0.0.1", "::ffff:127.0.0.1", "::1"}
    process.kill()
    process.communicate()
    assert not csv.exists()
    assert len(finished_parts(csv)) < PARTS  # so that the next run has something to do

    process = start(*command, 2, bundle=light_path, TMPDIR=short_folder, **AS_QUICK)
    said = process.communicate()[1]
    # Nothing outlives the run that was killed; Ray's agents look for their cluster for a minute.
    assert not psutil.wait_procs(cluster, timeout=120)[1]
    assert process.returncode == 0, said
    assert "files were screened before; going on." in said
    assert csv.read_bytes() == table
    assert len(table.splitlines()) == 1 + 2 * 12
    assert len(list((tmp_path / "maps").iterdir())) == 2 * 11
    assert sorted(tmp_path.iterdir()) == [tmp_path / "maps", csv]


@needs_ray
def test_a_part_that_cannot_be_written_ends_a_ray_run_in_a_sentence(
    light_path: Path, tmp_path: Path
) -> None:
    csv, maps = tmp_path / "out.csv", tmp_path / "maps"
    maps.touch()
    command = (SAMPLES[0], "--csv", csv, "--engine", "ray", "--workers", 1, "--heatmaps", maps)
    process = start(*command, bundle=light_path, **AS_QUICK)
    said = process.communicate()[1]
    assert process.returncode == 2
    assert "cannot be written (File exists)" in said and "Traceback" not in said


@needs_ray
def test_a_cluster_that_does_not_answer_ends_in_a_sentence(
    light_path: Path, tmp_path: Path
) -> None:
    csv = tmp_path / "out.csv"
    command = (SAMPLES[0], "--csv", csv, "--engine", "ray")
    process = start(*command, bundle=light_path, RAY_ADDRESS="127.0.0.1:9")
    said = process.communicate()[1]
    assert process.returncode == 2
    assert "No Ray cluster answers at 127.0.0.1:9" in said and "Traceback" not in said
