import re
import subprocess
import sys
from dataclasses import replace
from datetime import date

import pytest

from cxrapp.films.radiograph import Patient, Source, Study, Tags
from cxrapp.model.decision import Setting
from cxrapp.report.formats import FORMATS
from cxrapp.words import NOT_A_DIAGNOSIS
from tests.report.cases import (
    CARD,
    FILM_NAME,
    SETTINGS,
    TAGS,
    case,
    everything,
    film,
    picture_film,
    refused,
    squeezed,
)

HIDDEN = [
    "secretson",
    "givenhide",
    TAGS["PatientID"],
    TAGS["PatientBirthDate"],
    "2021-03-15",
    TAGS["StudyInstanceUID"],
    TAGS["StudyDate"],
    "2024-02-29",
    "20240301",
    "2024-03-01",
    FILM_NAME,
    "secretfile",
    f"{date.today():%Y%m%d}",
    f"{date.today():%Y-%m-%d}",
]
HOSTILE = [
    "<script>alert(1)</script>.png",
    "=1+1",
    "x" * 255,
    "صورة الصدر",
    "胸片 🫁 \u202egnp.exe",
    "two\nlines\tand\x00nulls\\back\x1b",
    "half \ud83d pair",
    "& ] > ^^^ === %s {0} </para>",
    "",
]


@pytest.fixture(params=FORMATS)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


def write(kind: str, *cases: object, identified: bool = False) -> str:
    return everything(FORMATS[kind].write(CARD, cases, identified=identified))


def test_no_identity_leaves_unless_asked_for(kind: str) -> None:
    written = write(kind, case(), refused(), refused(overruled=True))
    assert [secret for secret in HIDDEN if squeezed(secret) in written] == []
    assert case().fingerprint in written


def test_identity_leaves_when_asked_for(kind: str) -> None:
    written = write(kind, case(), identified=True)
    visible = ["secretson", "givenhide", TAGS["PatientID"], TAGS["StudyInstanceUID"]]
    assert [text for text in visible if squeezed(text) not in written] == []
    assert TAGS["StudyDate"] in written or "2024-02-29" in written
    assert TAGS["PatientBirthDate"] in written or "2021-03-15" in written


def test_the_sentence_and_the_models_digest_are_in_every_file(kind: str) -> None:
    for written in (write(kind, case()), write(kind, refused())):
        assert squeezed(NOT_A_DIAGNOSIS) in written
        assert CARD.sha256 in written


def test_a_withheld_film_says_why_and_nothing_else(kind: str) -> None:
    written = write(kind, refused(), identified=True)
    assert squeezed("this model knows ages 1 to 5") in written
    assert squeezed("the film was refused") in written
    own = CARD.default_thresholds()["pneumonia"]
    for number in ("0.8734", "87.3%", "0.2048", "20.5%", "23.5%", f"{own:.3f}", f"{own:.1%}"):
        assert number not in written
    assert "grad-cam" not in written
    assert not re.search(r":positive|:negative|>positive", written)


def test_an_overruled_film_is_marked(kind: str) -> None:
    written = write(kind, refused(overruled=True))
    assert squeezed("Refused, and shown at the reader's own choice") in written
    assert "0.8734" in written or "87.3%" in written


def test_undecided_and_not_asked_are_said(kind: str) -> None:
    band = case(probabilities=(0.5, 0.25), settings=SETTINGS | {"pneumonia": Setting(0.608, 0.4)})
    written = write(kind, band)
    assert "undecided" in written and squeezed("not asked") in written
    # A number of what was not asked would look like an answer.
    assert not [n for n in ("0.125", "12.5%", "0.25,", "25.0%") if n in written]


@pytest.mark.parametrize("identified", [False, True])
def test_pictures_without_a_study_can_leave(kind: str, identified: bool) -> None:
    written = write(kind, case(picture_film(), heat_maps=None), identified=identified)
    assert "0.8734" in written or "87.3%" in written


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_hostile_text_breaks_nothing(kind: str, number: int) -> None:
    text = HOSTILE[number]
    hostile = replace(
        film(),
        name=text,
        tags=Tags(
            sex=text,
            view=text,
            modality=text,
            body_part=text,
            study=Study(text, text, text, text),
            source=Source(text, text, text),
            patient=Patient(text, text, text),
        ),
    )
    for identified in (False, True):
        written = write(kind, case(hostile, overruled=True), identified=identified)
        assert "0.8734" in written or "87.3%" in written
    assert text == "" or squeezed(text) not in write(kind, case(hostile, overruled=True))


def test_nothing_to_write_about_is_an_error(kind: str) -> None:
    with pytest.raises(ValueError, match="no film"):
        FORMATS[kind].write(CARD, [])


def test_reports_load_neither_network_nor_writers_before_they_are_used() -> None:
    slow = ("torch", "streamlit", "highdicom", "fhir", "reportlab", "matplotlib")
    rooms = "cxrapp.report.formats, cxrapp.report.table, cxrapp.archive.reports"
    program = f"import sys, {rooms}; print([m for m in {slow} if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert result.stdout.strip() == "[]", result.stderr
