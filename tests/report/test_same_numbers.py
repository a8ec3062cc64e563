"""One film, from the screen into every file: the same numbers, and none of what was not asked."""

import csv
import io
import json
import zipfile
from collections.abc import Mapping

import highdicom
import numpy as np
import pydicom
import pypdf
import pytest
from streamlit.testing.v1 import AppTest

from cxrapp.model.bundle import Bundle
from cxrapp.panels.exports import cases, table
from cxrapp.report.formats import FORMATS
from cxrapp.report.release import Release, release_cases
from cxrapp.server import bundles
from cxrapp.words import percent, rate_words, threshold_words
from tests.pages.steps import NORMAL, session, settle, texts, threshold, upload, verdict
from tests.places import SAMPLES

ILL = SAMPLES[2]
WARD = {"pneumonia": 0.2, "viral": 0.3}
ASKED = {"122157", "JOINT", "PREVALENCE", "WARD"}  # codes of numbers that a film has, not a setting
MAPS = {"IN-LUNGS", "IN-LUNGS-CHANCE", "AGREEMENT", "AGREEMENT-CHANCE", "AGREEMENT-MOST"}
Numbers = dict[str, float]  # by the codes of `report.codes`


@pytest.fixture(scope="module")
def offered() -> Bundle:
    return bundles.open_bundle("pneumonia")


def expected(bundle: Bundle, app: AppTest, k: int) -> Numbers:
    """The numbers of finding k by hand: from the film's scores, the card's scores and the maps."""
    here, card, name = session(app), bundle.card, bundle.card.findings[k].name
    film = here.worklist.films["0"]
    given = here.worklist.result(film, bundle).prediction.probabilities
    cut = card.default_thresholds()[name]
    wards = []
    for finding, probability in zip(card.findings, given, strict=True):
        labels = card.scores("validation", finding.name).labels
        shift = np.log(WARD[finding.name] / (1 - WARD[finding.name])) - np.log(
            labels.mean() / (1 - labels.mean())
        )
        wards.append(1 / (1 + np.exp(-(np.log(probability / (1 - probability)) + shift))))
    numbers = {
        "122157": float(given[k]),
        "122411": cut,
        "WARD": wards[k],
        "PREVALENCE": WARD[name],
        "JOINT": float(np.prod(wards[: k + 1])),
    }
    for cohort, ending in (("validation", "-VALIDATION"), ("test", "")):
        scores = card.scores(cohort, name)
        flagged = scores.probabilities >= cut
        numbers["SENS-VALIDATION" if ending else "111088"] = flagged[scores.labels].mean()
        numbers["SPEC-VALIDATION" if ending else "111090"] = (~flagged[~scores.labels]).mean()
    lungs = here.drawn[film.key, card.sha256, "Grad-CAM"].lungs
    numbers |= {"IN-LUNGS": lungs.inside[k], "IN-LUNGS-CHANCE": lungs.chance[k]}
    return numbers


def in_structured_report(data: bytes) -> list[Numbers]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("SR.dcm"))
        report = highdicom.sr.ComprehensiveSR.from_dataset(
            pydicom.dcmread(io.BytesIO(archive.read(name)))
        )
    groups = report.content.get_image_measurement_groups()[1:]
    return [{one.name.value: one.value for one in group.get_measurements()} for group in groups]


def in_fhir(data: bytes) -> list[Numbers]:
    (entry,) = json.loads(data)["entry"]
    observations = []
    for one in entry["resource"]["contained"]:
        if one.get("id", "").startswith("finding-"):
            parts = [(p["code"]["coding"][0]["code"], p["valueQuantity"]) for p in one["component"]]
            parts += [("122157", one["valueQuantity"])] if "valueQuantity" in one else []
            observations.append({code: quantity["value"] for code, quantity in parts})
    return observations


def in_json(data: bytes) -> list[Numbers]:
    (film,) = json.loads(data)["films"]
    lungs, agreement = film["heat_maps"]["in_lungs"], film["heat_maps"]["agreement"]
    told = []
    for one in film["findings"]:
        numbers = {"122157": one["probability"], "JOINT": one["joint_probability"]}
        numbers |= {"122411": one["threshold"]}
        if one["ward"]:
            numbers |= {"WARD": one["ward"]["probability"], "PREVALENCE": one["ward"]["prevalence"]}
        validation, test = (one["performance"][cohort] for cohort in ("validation", "test"))
        numbers |= {
            "111088": test["sensitivity"]["value"],
            "111088-LOW": test["sensitivity"]["low"],
            "111088-HIGH": test["sensitivity"]["high"],
            "111090": test["specificity"]["value"],
            "SENS-VALIDATION": validation["sensitivity"]["value"],
            "SPEC-VALIDATION": validation["specificity"]["value"],
        }
        if found := lungs.get(one["name"]):
            numbers |= {"IN-LUNGS": found["share"], "IN-LUNGS-CHANCE": found["by_chance"]}
        if found := agreement and agreement["findings"].get(one["name"]):
            ends = ("AGREEMENT", "AGREEMENT-CHANCE", "AGREEMENT-MOST")
            numbers |= dict(zip(ends, found.values(), strict=True))
        told.append({code: value for code, value in numbers.items() if value is not None})
        assert set(film["heat_maps"]["maps"]) == set(lungs)
    return told


def in_table(text: str) -> list[Numbers]:
    told = []
    for row in csv.DictReader(io.StringIO(text)):
        cells = {
            "122157": row["probability"],
            "122411": row["threshold"],
            "WARD": row["ward_probability"],
            "PREVALENCE": row["ward_prevalence"],
            "111088": row["test_sensitivity"].split()[0],
            "111088-LOW": row["test_sensitivity"].split("(")[1].split()[0],
            "111090": row["test_specificity"].split()[0],
            "SENS-VALIDATION": row["validation_sensitivity"].split()[0],
            "SPEC-VALIDATION": row["validation_specificity"].split()[0],
        }
        told.append({code: float(cell) for code, cell in cells.items() if cell})
    return told


def page_text(data: bytes) -> str:
    (page,) = pypdf.PdfReader(io.BytesIO(data)).pages
    return " ".join(page.extract_text().split())


def opened(app: AppTest, bundle: Bundle, film: object) -> tuple[Release, dict[str, list[Numbers]]]:
    """The film on the page with a ward and two methods, and what each file says of it."""
    session(app)
    upload(app, film)
    for name, share in WARD.items():
        session(app).give_prevalence(bundle.card, name, share)
    app.selectbox(key="second method").set_value("Grad-CAM++").run()
    settle(app)
    here = session(app)
    films = list(here.worklist.films.values())
    written = cases(here, bundle, films)
    files = {kind: form.write(bundle.card, written) for kind, form in FORMATS.items()}
    told = {
        "SR": in_structured_report(files["dicom"]),
        "FHIR": in_fhir(files["fhir"]),
        "JSON": in_json(files["json"]),
        "CSV": in_table(table(here, bundle, films, identified=False)),
        "PDF": page_text(files["pdf"]),
    }
    return release_cases(bundle.card, written, identified=False)[0], told


def agree(told: Mapping[str, float], true: Mapping[str, float]) -> None:
    for code, value in told.items():
        if code in true:
            assert value == pytest.approx(true[code], abs=6e-4), code


def test_screen_pdf_sr_fhir_json_and_csv_show_the_same_numbers(
    app: AppTest, offered: Bundle
) -> None:
    released, told = opened(app, offered, ILL)
    screen, page = texts(app), told.pop("PDF")
    for k, result in enumerate(released.results):
        true, name = expected(offered, app, k), result.finding.name
        test = result.performance[-1]
        true |= {"111088-LOW": test.sensitivity.low, "111088-HIGH": test.sensitivity.high}
        found = released.heat_maps.agreement
        levels = (found.values[k], *found.by_chance(k))
        true |= dict(zip(sorted(c for c in MAPS if "AGREE" in c), levels, strict=True))
        for kind in ("SR", "FHIR", "JSON"):
            assert set(told[kind][k]) >= ASKED | MAPS, (kind, name)
        for kind, numbers in told.items():
            assert set(numbers[k]) >= ASKED - {"JOINT"} | {"111088", "111090"}, (kind, name)
            agree(numbers[k], true)
        assert result.outcome == "positive" or k
        line = verdict(app, result.finding.positive.capitalize())
        assert result.outcome in line and percent(true["WARD"]) in line
        for text in (screen, page):
            assert percent(true["WARD"]) in text and percent(true["122157"]) in text
            assert "{:.2f}; by chance {:.2f}, at most {:.2f}".format(*levels) in text, name
        assert percent(true["JOINT"]) in page and threshold_words(true["122411"]) in page
        evidence = [f"{100 * true[code]:.0f} %" for code in ("IN-LUNGS", "IN-LUNGS-CHANCE")]
        words = "{} of the evidence is in the lungs (by chance {})".format(*evidence)
        assert (words in page) == (result.outcome != "negative")
        for one in result.performance:
            for rate in (one.sensitivity, one.specificity):
                assert rate_words(rate) in page, name
        assert test.films in page
    # The screen counts the films of the finding that is set, on the cohort that is chosen.
    app.segmented_control(key="cohort").set_value("test").run()
    first = released.results[0]
    scores = offered.card.scores("test", "pneumonia")
    flagged = scores.probabilities >= first.threshold
    screen = texts(app)
    assert f"{(flagged & scores.labels).sum()} flagged" in screen
    assert f"{(~flagged & ~scores.labels).sum()} not" in screen
    for rate in (first.performance[-1].sensitivity, first.performance[-1].specificity):
        assert rate_words(rate) in screen
    assert threshold(app, "Pneumonia").value == pytest.approx(100 * first.threshold, abs=0.05)
    app.segmented_control(key="scale").set_value("Logit").run()
    logit = np.log(first.threshold / (1 - first.threshold))
    assert threshold(app, "Pneumonia").value == pytest.approx(logit, abs=5e-3)


def test_what_was_not_asked_has_no_number_in_any_file(app: AppTest, offered: Bundle) -> None:
    released, told = opened(app, offered, NORMAL)
    assert released.results[1].outcome == "not asked"
    assert "– not asked" in verdict(app, "Viral pneumonia")
    assert "%" not in verdict(app, "Viral pneumonia")
    page = told.pop("PDF")
    row = page[page.index("– Not asked") :].split(" %")[0]
    assert row.endswith(threshold_words(released.results[1].threshold).removesuffix(" %")), row
    for kind, (first, second) in told.items():
        assert set(first) >= ASKED - {"JOINT"}, kind
        assert not set(second) & (ASKED | MAPS), kind
    assert [name for name, _ in released.answers] == ["no pneumonia", "pneumonia"]
    assert len(released.heat_maps.values) == 1
