import json

import numpy as np
import pytest
from scipy.special import expit

from cxrapp.model.scores import Scores
from cxrapp.site.assess import assess
from cxrapp.site.recommend import recommend
from cxrapp.site.report import describe, summarise, to_points
from cxrapp.statistics.operating_point import operating_point
from cxrapp.statistics.sample_size import too_few
from cxrapp.statistics.thresholds import round_down
from tests.site.clinic import CARD, TODAY, real


@pytest.mark.parametrize("overlap", [0, 1])
def test_separated_films_have_no_slope_and_a_sentence_instead(overlap: int) -> None:
    """With a single overlap the line is finite, but a third of the resamples lose it."""
    log_odds = np.linspace(-4, 4, 120)
    labels = log_odds > 0
    if overlap:
        labels[[59, 60]] = True, False
    raw = (log_odds - CARD.calibrations[0].intercept) / CARD.calibrations[0].slope
    report = assess(CARD, "pneumonia", labels.astype(float), raw, np.arange(120))
    assert report.calibration.slope is None and report.calibration.intercept is None
    assert any("slope and intercept" in warning for warning in report.warnings)
    assert np.isfinite(report.calibration.in_the_large.value)
    perfect = [warning for warning in report.warnings if "scores above every film" in warning]
    assert len(perfect) == (overlap == 0)
    if not overlap:
        assert report.auroc.low == pytest.approx(0.05 ** (1 / 60))  # 60 pairs, all in order


@pytest.mark.parametrize(
    "labels", [np.ones(50), np.zeros(50), np.full(50, np.nan), np.zeros(0), np.eye(30)[0]]
)
def test_films_that_say_nothing_give_a_sentence(labels: np.ndarray) -> None:
    report = assess(CARD, "pneumonia", labels, np.zeros(len(labels)), np.arange(len(labels)))
    assert len(report.warnings) == 1 and "nothing is measured" in report.warnings[0]
    assert report.auroc is report.calibration is report.own is report.recommended is None
    assert "test films" in report.needed_basis and report.needed.positives > 0
    assert (report.needed.total is None) == (np.nansum(labels) in (0, len(labels)))
    assert to_points([report], TODAY) == ()
    assert describe(report) and json.loads(summarise(CARD, [report], TODAY))


def test_many_films_of_few_patients_are_too_few() -> None:
    labels = np.arange(200) % 2 == 0
    patients = np.where(labels, np.arange(200), np.arange(200) % 18)
    assert "9; with fewer" in too_few(Scores(labels, np.zeros(200), patients))
    assert too_few(Scores(labels, np.zeros(200), np.arange(200))) == ""


def test_a_score_that_knows_nothing_is_no_exception() -> None:
    labels = (np.arange(100) % 2).astype(float)
    report = assess(CARD, "pneumonia", labels, np.zeros(100), np.arange(100))
    assert report.auroc.value == 0.5 and report.recommended is None
    assert any("only calling every film positive" in warning for warning in report.warnings)


def test_report_agrees_with_the_measures_of_the_cohort() -> None:
    report, scores = real(1), CARD.scores("test", "pneumonia")
    assert (report.films, report.patients, report.positives, report.negatives) == (
        624,
        428,
        390,
        234,
    )
    measured = CARD.metrics["test"]["pneumonia"]
    assert report.auroc.value == pytest.approx(measured["auroc"]["value"])
    assert report.own.sensitivity.value == pytest.approx(measured["sensitivity"]["value"])
    assert report.own.specificity.value == pytest.approx(measured["specificity"]["value"])
    assert report.calibration.stated == pytest.approx(scores.probabilities.mean())
    assert report.roc.auroc == pytest.approx(report.auroc.value)
    assert report.recommended.shown and report.recommended.point.sensitivity.low >= 0.95
    higher = round(report.recommended.threshold.value + 0.02, 3)
    point = operating_point(scores, higher)
    assert point.sensitivity.low < 0.95  # the highest that keeps it
    assert report.recommended.threshold.low < report.recommended.threshold.value
    assert report.recommended.threshold.value < report.recommended.threshold.high


def test_films_that_cannot_show_the_goal_get_the_estimate_and_are_told() -> None:
    report = real(12)
    assert report.positives < 60
    assert not report.recommended.shown
    assert report.recommended.point.sensitivity.value >= 0.95
    assert any("cannot show that a threshold keeps" in warning for warning in report.warnings)
    assert any("at least 100 of each" in warning for warning in report.warnings)


def test_one_miss_shows_no_more_than_none() -> None:
    """Of 70 patients with one missed, resamples alone would put the lower bound above 95 %; of 70
    with none missed the exact bound is 94.9 %."""
    log_odds = np.concatenate([[-3.0], np.linspace(1, 3, 69), np.linspace(-2, 0.5, 60)])
    films = Scores(np.arange(130) < 70, expit(log_odds), np.arange(130))
    assert operating_point(films, 0.6).sensitivity.low < 0.95
    assert not recommend(films, 0.95).shown


def test_no_miss_leaves_the_threshold_open_below() -> None:
    log_odds = np.concatenate([np.linspace(1, 3, 15), np.linspace(-2, 1.5, 40)])
    advice = recommend(Scores(np.arange(55) < 15, expit(log_odds), np.arange(55)), 0.95)
    assert advice.point.false_negatives == 0
    assert advice.threshold.value == round_down(expit(1.0)) == 0.731
    assert advice.threshold.low == 0 < advice.threshold.value < advice.threshold.high


def test_a_perfect_local_share_is_not_planned_on() -> None:
    labels = np.arange(36) < 18  # one miss of 18 would be below the goal
    raw = np.where(labels, 0.0, -5.0) + np.linspace(0, 1, 36)
    report = assess(CARD, "pneumonia", labels.astype(float), raw, np.arange(36))
    assert report.recommended.point.sensitivity.value == 1
    assert report.needed.sensitivity == 0.95 and report.needed.positives == 81
    assert "patient of its own" in report.needed_basis
