import shutil
import zipfile
from pathlib import Path

import pytest

from cxrapp.__main__ import main
from cxrapp.bulk import job
from tests.bulk.bulk_runs import BUNDLE
from tests.places import SAMPLES
from tests.workers import make_once


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "PART_FILES", 2)


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ward's folder: 11 files, one of them broken, one an archive of two films."""
    return make_once(tmp_path_factory, "ward", _fill)


def _fill(folder: Path) -> None:
    (folder / "ward 3").mkdir(parents=True)
    for index in range(9):
        place = folder / ("ward 3" if index % 2 else ".") / f"film {index}.jpeg"
        shutil.copy(SAMPLES[index % len(SAMPLES)], place)
    (folder / "broken.png").write_bytes(SAMPLES[0].read_bytes()[:3000])
    with zipfile.ZipFile(folder / "archive.zip", "w") as archive:
        archive.write(SAMPLES[1], "b.jpeg")
        archive.write(SAMPLES[2], "c.jpeg")


@pytest.fixture(scope="session")
def table(films: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The films' table from a run that nothing disturbed."""

    def screen(csv: Path) -> None:
        with pytest.MonkeyPatch.context() as monkeypatch:
            monkeypatch.setattr(job, "PART_FILES", 2)
            assert main(["screen", str(films), "--csv", str(csv), "--bundle", str(BUNDLE)]) == 0

    table = make_once(tmp_path_factory, "undisturbed.csv", screen).read_bytes()
    assert len(table.splitlines()) == 1 + 2 * 12
    return table
