import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from cxrapp.__main__ import main
from cxrapp.bulk import labelled
from cxrapp.bulk.labelled import LabelledFilms
from cxrapp.site.assess import assess
from tests.bulk.bulk_runs import BUNDLE
from tests.films.dicom_maker import make
from tests.places import SAMPLES
from tests.site.clinic import CARD


def run(folder: Path, out: Path, *options: object) -> int:
    command = ["assess", str(folder), "--json", str(out), "--bundle", str(BUNDLE)]
    return main([*command, *map(str, options)])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "films"
    for path in SAMPLES:
        into = folder / ("PNEUMONIA" if "person" in path.name else "NORMAL")
        into.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, into)
    (folder / "NORMAL/broken.png").write_bytes(SAMPLES[0].read_bytes()[:3000])
    (folder / "NORMAL/Thumbs.db").write_bytes(b"x")
    (folder / "PNEUMONIA/adult.dcm").write_bytes(make(PatientAge="054Y"))
    return folder


def test_folders_are_measured_as_the_page_does(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(folder, folder / "out.json") == 0
    said = capsys.readouterr()
    assert "NORMAL/broken.png: The picture is cut off" in said.err
    assert "PNEUMONIA/adult.dcm: The patient is 54 years old" in said.err
    assert "Thumbs.db" not in said.err and "out.json" not in said.err
    numbers = json.loads((folder / "out.json").read_text())
    assert numbers["bundle_sha256"] == CARD.sha256
    first = numbers["findings"][0]
    sick = sum("person" in path.name for path in SAMPLES)
    assert (first["positives"], first["films"]) == (sick, len(SAMPLES))
    assert f"{len(SAMPLES)} films of" in said.out


def test_the_numbers_are_those_of_the_page(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    films = CARD.cohorts["test"].subset(np.arange(624) % 4 == 0)
    kinds = np.where(films.labels[:, 0] == 1, "PNEUMONIA", "NORMAL")
    names = tuple(f"{kind}/{k}.png" for k, kind in enumerate(kinds))
    ids = {name: str(patient) for name, patient in zip(names, films.patients, strict=True)}
    scored = LabelledFilms(names, films.logits, ids, ())
    monkeypatch.setattr(labelled, "_screen", lambda bundle, files: scored)
    assert run(folder, tmp_path / "out.json") == 0
    (first, _) = json.loads((tmp_path / "out.json").read_text())["findings"]
    expected = assess(CARD, "pneumonia", films.labels[:, 0], films.logits[:, 0], films.patients)
    assert first["auroc"]["value"] == pytest.approx(expected.auroc.value)
    assert first["patients"] == expected.patients == len(np.unique(films.patients))


@pytest.mark.parametrize(
    ("sheet", "options", "words"),
    [
        ("name,pneumonia\nx,1\n", [], "no column is named `file`"),
        (None, ["--labels", "no-such.csv"], "No such file or folder: no-such.csv"),
        (None, ["--json", "/no-such-folder/out.json"], "there is no folder /no-such-folder"),
    ],
)
def test_wrong_usage_ends_before_a_film_is_read(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    sheet: str | None,
    options: list[str],
    words: str,
) -> None:
    monkeypatch.setattr(labelled, "_screen", None)
    if sheet:
        (tmp_path / "labels.csv").write_text(sheet)
        options = ["--labels", str(tmp_path / "labels.csv")]
    assert run(folder, tmp_path / "out.json", *options) == 2
    assert words in capsys.readouterr().err


def test_films_without_labels_end_with_what_is_needed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "films").mkdir()
    shutil.copy(SAMPLES[0], tmp_path / "films")
    assert run(tmp_path / "films", tmp_path / "out.json") == 2
    assert "no film has a label" in capsys.readouterr().err
