import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cxrapp.__main__ import main
from cxrapp.model.bundle import Bundle
from cxrapp.report.table import inert
from tests.hostile.specimen import SAMPLES, Specimen
from tests.places import ROOT, SAMPLE_FOLDER

RUNS_AS_FORMULA = tuple("=+-@\t\r\n＝＋－＠")
NO_FILES = ("broken link.jpeg", "endless", "pipe.jpeg")


def read_rows(out: Path) -> list[dict[str, str]]:
    with out.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def folder(batch: list[Specimen], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The batch as files; what no file can be called is left out."""
    folder = tmp_path_factory.mktemp("hostile")
    for specimen in batch:
        path = Path(os.path.normpath(folder / specimen.name))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(specimen.data)
    (folder / NO_FILES[0]).symlink_to(folder / "nowhere")
    (folder / NO_FILES[1]).symlink_to(folder)
    os.mkfifo(folder / NO_FILES[2])
    return folder


@pytest.fixture(scope="module")
def rows(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    out = tmp_path_factory.mktemp("table") / "out.csv"
    command = [sys.executable, "-m", "cxrapp", "screen", str(folder), "--csv", str(out)]
    done = subprocess.run(command, cwd=ROOT, stderr=subprocess.PIPE)
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-2000:]
    assert b"Traceback" not in done.stderr
    return read_rows(out)


def test_every_file_has_its_rows(
    rows: list[dict[str, str]], batch: list[Specimen], answers: dict[str, dict], bundle: Bundle
) -> None:
    findings = [finding.name for finding in bundle.card.findings]
    assert [row["finding"] for row in rows] == findings * (len(rows) // len(findings))
    expected = dict.fromkeys([*NO_FILES, *(one.name for one in batch if one.kind == "good")], 1)
    expected |= {
        os.path.normpath(one.name): len(answers[one.name]["items"])
        for one in batch
        if one.kind != "good"
    }
    counted = dict.fromkeys(expected, 0)
    owners = {inert(readable(name)): name for name in expected}
    for row in rows[:: len(findings)]:
        archive = row["file"][: row["file"].find(".zip/") + 4]
        counted[owners.get(row["file"]) or owners[archive]] += 1
    assert counted == expected


def test_good_films_score_as_they_do_alone(rows: list[dict[str, str]], tmp_path: Path) -> None:
    assert main(["screen", str(SAMPLE_FOLDER), "--csv", str(tmp_path / "alone.csv")]) == 0
    names = [path.name for path in SAMPLES]
    among = {(r["file"], r["finding"]): r for r in rows if r["file"] in names}
    alone = [row for row in read_rows(tmp_path / "alone.csv") if row["file"] in names]
    for row in alone:
        same = among.pop((row["file"], row["finding"]))
        probability = pytest.approx(float(row["probability"]), abs=1e-5)
        assert float(same["probability"]) == probability
        assert same | {"probability": ""} == row | {"probability": ""}
    assert not among


def test_no_cell_runs_in_a_spreadsheet(rows: list[dict[str, str]]) -> None:
    for row in rows:
        for column, cell in row.items():
            assert not cell.startswith(RUNS_AS_FORMULA), (column, cell)
            assert "\r" not in cell


def test_a_row_has_a_probability_or_a_reason(rows: list[dict[str, str]]) -> None:
    for row in rows:
        assert (row["status"] == "error") == (row["probability"] == ""), row
        assert row["status"] in ("ok", "warn") or row["message"].endswith((".", "?")), row
    assert {row["status"] for row in rows} >= {"ok", "error"}


def readable(name: str) -> str:
    """A file name with bytes that are no text, as a table in UTF-8 can hold it."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
