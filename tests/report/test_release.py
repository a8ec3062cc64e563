from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest
from PIL import Image

from cxrapp.films.radiograph import Source, Study
from cxrapp.model.chain import joint_probabilities
from cxrapp.model.gate import judge
from cxrapp.report.case import Case
from cxrapp.report.release import Release, release_cases
from cxrapp.statistics.operating_point import operating_point
from cxrapp.words import OVERRULED, VERDICTS, age_words, one_line, percent, shorten, taken_words
from tests.report.cases import CARD, case, film, refused, tagged


def release(one: Case, *, identified: bool = False) -> Release:
    return release_cases(CARD, [one], identified=identified)[0]


def test_joint_probabilities_multiply_along_the_chain() -> None:
    one = release(case(probabilities=(0.8, 0.25)))
    assert [result.joint for result in one.results] == pytest.approx([0.8, 0.2])
    np.testing.assert_allclose(
        [share for _, share in one.answers], joint_probabilities(np.array([[0.8, 0.25]]))[0]
    )
    assert [name for name, _ in one.answers] == [
        "no pneumonia",
        "bacterial pneumonia",
        "viral pneumonia",
    ]


def test_a_threshold_is_measured_on_every_cohort() -> None:
    moved = tuple(replace(decision, threshold=0.3) for decision in case().decisions)
    for result in release(replace(case(), decisions=moved)).results:
        assert [one.cohort for one in result.performance] == ["validation", "test"]
        for one in result.performance:
            point = operating_point(CARD.scores(one.cohort, result.finding.name), 0.3)
            assert (one.sensitivity, one.specificity) == (point.sensitivity, point.specificity)
        assert result.goal is None
    assert release(case()).results[0].goal == "sensitivity at least 95 %"


def test_films_without_a_label_for_the_finding_are_not_counted() -> None:
    """The caption of viral once counted every film of the cohort, also those without an answer."""
    pneumonia, viral = (result.performance[0] for result in release(case()).results)
    assert pneumonia.films == CARD.cohorts["validation"].description
    scores = CARD.scores("validation", "viral")
    films, patients = len(scores.labels), len(np.unique(scores.patients))
    assert films < len(CARD.cohorts["validation"].labels)
    assert viral.films == f"{films} films of {patients} patients, out of {pneumonia.films}"


def test_the_ward_moves_the_headline_and_the_chain_but_no_decision() -> None:
    plain, moved = (release(case(prevalences=prevalences)) for prevalences in ({}, {"viral": 0.1}))
    assert plain.results[0] == moved.results[0] and plain.results[0].prevalence is None
    assert plain.results[1].ward == plain.results[1].probability == moved.results[1].probability
    viral = moved.results[1]
    assert viral.ward < viral.probability and viral.outcome == plain.results[1].outcome
    assert viral.joint == pytest.approx(plain.results[0].probability * viral.ward)
    assert dict(moved.answers)["viral pneumonia"] == pytest.approx(viral.joint)
    assert sum(share for _, share in moved.answers) == pytest.approx(1)


def test_a_probability_is_true_where_it_was_calibrated() -> None:
    """Calibration allowed for wrong labels: the share who have it is not the share labelled so."""
    viral = release(case()).results[1]
    scores = CARD.scores("validation", "viral")
    assert viral.calibrated_to == pytest.approx(scores.probabilities.mean())
    same = release(case(prevalences={"viral": viral.calibrated_to})).results[1]
    assert same.ward == pytest.approx(same.probability)


def test_a_refused_film_releases_no_number_until_overruled() -> None:
    one = release(refused(), identified=True)
    assert (one.overruled, one.results, one.answers, one.heat_maps) == (False, (), (), None)
    assert one.gate_words == VERDICTS["refuse"]
    assert release(refused(overruled=True)).gate_words == OVERRULED
    assert len(release(refused(overruled=True)).results) == 2


def test_overruling_says_nothing_of_a_film_that_was_not_refused() -> None:
    assert not release(case(overruled=True)).overruled
    assert release(case(overruled=True)).gate_words == VERDICTS["accept"]


def test_the_film_is_named_by_its_pixels() -> None:
    one = case()
    same = case(film("another name.dcm"))
    assert one.fingerprint == same.fingerprint and len(one.fingerprint) == 12
    other = replace(one, picture=Image.fromarray(255 - np.asarray(one.picture)))
    assert other.fingerprint != one.fingerprint
    assert one.picture.mode == "L" and one.picture.size == (320, 240)


@pytest.mark.parametrize(
    ("age", "kept", "words"),
    [
        (4.9876, 4.0, "4 years old"),
        (0.55, 0.5, "6 months old"),
        (97.3, 90.0, "90 or more years old"),
    ],
)
def test_without_identity_an_age_is_coarse(age: float, kept: float, words: str) -> None:
    old = tagged(age_years=age)
    verdict = judge(replace(CARD, gate=replace(CARD.gate, ages=())), old, 0, {})
    one = release(case(old, verdict=verdict, overruled=True))
    assert one.tags.age_years == pytest.approx(kept)
    assert words in one.verdict.reasons[0]
    assert f"{age:.3g} years" not in one.verdict.reasons[0]


def test_without_identity_tags_that_are_no_codes_are_not_repeated() -> None:
    odd = tagged(body_part="SECRETSON KNEE", view="GIVENHIDE", modality="CT")
    one = release(case(odd))
    assert not [
        reason for reason in one.verdict.reasons if "SECRETSON" in reason or "GIVEN" in reason
    ]
    assert (one.tags.modality, one.tags.view) == ("CT", None)
    assert "modality CT" in one.verdict.reasons[0]
    assert "SECRETSON KNEE" in " ".join(release(case(odd), identified=True).verdict.reasons)


def test_dates_and_uids_are_valid_or_absent() -> None:
    odd = tagged(study=Study("1.02.x", "20240231", "997799"), source=Source("1.x", "1.2.3", "0"))
    one = release(case(odd), identified=True)
    assert one.tags.study == Study() and one.tags.source == Source(None, "1.2.3", "0")
    assert release(case(odd)).tags.source == Source()


def test_words() -> None:
    assert one_line("a\n b\x00c\u202ed \ud83d") == "a b c d ?"
    assert shorten("a" * 50 + "z" * 50, 11) == "aaaaa…zzzzz"
    assert [age_words(years) for years in (1 / 12, 1.5, 2, 44.37)] == [
        "1 month",
        "18 months",
        "2 years",
        "44 years",
    ]
    assert [percent(p) for p in (0, 0.5, 1)] == ["under 0.1 %", "50.0 %", "over 99.9 %"]


def test_a_wait_is_written_as_people_say_it() -> None:
    now = datetime(2026, 3, 4, 15, 30)
    written = [
        taken_words(taken, now)
        for taken in (
            datetime(2026, 3, 4, 15, 5),
            datetime(2026, 3, 4, 14, 10),
            datetime(2026, 3, 1, 8, 0),
            datetime(2026, 3, 4, 16, 0),  # a clock is wrong
        )
    ]
    assert written == [
        "15:05, waits 25 min",
        "14:10, waits 1 h 20 min",
        "2026-03-01 08:00, waits 3 days",
        "16:00",
    ]
