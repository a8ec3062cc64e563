"""One film: PDF, structured report, FHIR, JSON and CSV show the same numbers."""

import io
import json
import zipfile

import highdicom
import pydicom
import pypdf
import pytest

from cxrapp.report.formats import FORMATS
from cxrapp.report.release import Release, measure_threshold, release_cases
from cxrapp.report.table import context_rows, film_rows
from cxrapp.words import percent, rate_words
from tests.report.cases import CARD, case

WARD = {"pneumonia": 0.2, "viral": 0.5}
FILM = case(prevalences=WARD)


@pytest.fixture(scope="module")
def released() -> Release:
    return release_cases(CARD, [FILM], identified=False)[0]


def written(form: str) -> bytes:
    return FORMATS[form].write(CARD, [FILM])


def test_pdf(released: Release) -> None:
    (page,) = pypdf.PdfReader(io.BytesIO(written("pdf"))).pages
    text = " ".join(page.extract_text().split())
    for result in released.results:
        for share in (result.ward, result.joint, result.probability, result.threshold):
            assert percent(share) in text
        for one in result.performance:
            assert rate_words(one.sensitivity) in text and rate_words(one.specificity) in text


def test_structured_report(released: Release) -> None:
    with zipfile.ZipFile(io.BytesIO(written("dicom"))) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("SR.dcm"))
        report = highdicom.sr.ComprehensiveSR.from_dataset(
            pydicom.dcmread(io.BytesIO(archive.read(name)))
        )
    groups = report.content.get_image_measurement_groups()[1:]
    for group, result in zip(groups, released.results, strict=True):
        numbers = {item.name.value: item.value for item in group.get_measurements()}
        validation, test = result.performance
        assert numbers["122157"] == pytest.approx(result.probability)
        assert numbers["WARD"] == pytest.approx(result.ward)
        assert numbers["PREVALENCE"] == pytest.approx(WARD[result.finding.name])
        assert numbers["111088"] == pytest.approx(test.sensitivity.value)
        assert numbers["111090"] == pytest.approx(test.specificity.value)
        assert numbers["SENS-VALIDATION"] == pytest.approx(validation.sensitivity.value)
        assert numbers["SPEC-VALIDATION"] == pytest.approx(validation.specificity.value)


def test_fhir(released: Release) -> None:
    (entry,) = json.loads(written("fhir"))["entry"]
    found = {part["id"]: part for part in entry["resource"]["contained"] if "id" in part}
    for number, result in enumerate(released.results, start=1):
        finding = found[f"finding-{number}"]
        parts = {
            part["code"]["coding"][0]["code"]: part["valueQuantity"]["value"]
            for part in finding["component"]
        }
        validation, test = result.performance
        assert parts["WARD"] == pytest.approx(result.ward, abs=1e-6)
        assert parts["111088"] == pytest.approx(test.sensitivity.value, abs=1e-6)
        assert parts["111088-LOW"] == pytest.approx(test.sensitivity.low, abs=1e-6)
        assert parts["SPEC-VALIDATION"] == pytest.approx(validation.specificity.value, abs=1e-6)
        assert any(validation.films in note["text"] for note in finding["note"])


def test_json(released: Release) -> None:
    (film,) = json.loads(written("json"))["films"]
    for finding, result in zip(film["findings"], released.results, strict=True):
        assert finding["probability"] == result.probability
        assert finding["ward"]["probability"] == result.ward
        assert finding["joint_probability"] == result.joint
        for one in result.performance:
            assert finding["performance"][one.cohort]["films"] == one.films
            assert finding["performance"][one.cohort]["sensitivity"]["low"] == one.sensitivity.low
    assert [answer["probability"] for answer in film["answers"]] == [p for _, p in released.answers]


def test_csv(released: Release) -> None:
    measured = {d.finding: measure_threshold(CARD, d.finding, d.threshold) for d in FILM.decisions}
    rows = film_rows("film", FILM.decisions, FILM.verdict)
    more = context_rows(CARD, FILM.decisions, WARD, measured)
    for row, context, result in zip(rows, more, released.results, strict=True):
        assert float(row["probability"]) == pytest.approx(result.probability, abs=1e-6)
        assert float(context["ward_probability"]) == pytest.approx(result.ward, abs=1e-6)
        validation, test = result.performance
        assert context["validation_sensitivity"] == str(validation.sensitivity)
        assert context["test_specificity"] == str(test.specificity)
