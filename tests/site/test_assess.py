import json
from datetime import date
from functools import cache

import numpy as np
import pytest
from scipy.special import expit, logit

from cxrapp.model.bundle import WEIGHTS
from cxrapp.model.card_file import load_card
from cxrapp.session.saved_points import dump_points, load_points
from cxrapp.site.assess import SiteReport, assess
from cxrapp.site.recommend import SiteFilms, recommend
from cxrapp.site.report import describe, summarise, to_points
from cxrapp.statistics.operating_point import operating_point
from cxrapp.statistics.recalibration import _draws, _fit_line, _newton, fit_site_calibration
from cxrapp.statistics.sample_size import design_effect, films_needed, too_few
from cxrapp.statistics.thresholds import round_down, strictest

CARD = load_card(WEIGHTS / "pneumonia.json")
TODAY = date(2025, 3, 1)


def simulate(
    seed: int, films: int = 300, slope: float = 0.7, intercept: float = -0.8
) -> tuple[np.ndarray, np.ndarray]:
    """Labels whose log-odds are intercept + slope * the log-odds stated."""
    generator = np.random.default_rng(seed)
    log_odds = 2.5 * generator.standard_normal(films)
    return generator.random(films) < expit(intercept + slope * log_odds), log_odds


@cache
def real(every: int) -> SiteReport:
    """Every so manieth test film of a shipped bundle as a clinic's own."""
    films = CARD.cohorts["test"].subset(np.arange(624) % every == 0)
    return assess(CARD, "pneumonia", films.labels[:, 0], films.logits[:, 0], films.patients)


def test_recalibration_finds_the_line_the_films_were_drawn_from() -> None:
    labels, log_odds = simulate(0, 5_000)
    fitted = fit_site_calibration(labels, log_odds, np.arange(5_000))
    assert fitted.slope.value == pytest.approx(0.7, abs=0.05)
    assert fitted.intercept.value == pytest.approx(-0.8, abs=0.1)
    assert fitted.in_the_large.low < fitted.in_the_large.value < fitted.in_the_large.high < 0
    shifted = expit(log_odds + fitted.in_the_large.value).mean()
    assert shifted == pytest.approx(labels.mean(), abs=1e-4)
    assert fitted.stated == pytest.approx(expit(log_odds).mean())


def test_intervals_of_the_recalibration_cover_the_truth() -> None:
    covered = {"slope": 0, "intercept": 0}
    for seed in range(24):
        fitted = fit_site_calibration(*simulate(seed, 200), np.arange(200))
        covered["slope"] += fitted.slope.low <= 0.7 <= fitted.slope.high
        covered["intercept"] += fitted.intercept.low <= -0.8 <= fitted.intercept.high
    assert min(covered.values()) >= 20  # P(fewer of 24 at 95 %) is 0.006


def test_lines_of_the_resamples_are_those_of_scikit_learn() -> None:
    labels, log_odds = simulate(1, 60)
    drawn = _draws(labels, np.arange(60))[:25]
    quick = _newton(labels, log_odds, drawn, (1.0, 0.0))
    for line, weights in zip(quick, drawn, strict=True):
        assert line == pytest.approx(_fit_line(labels, log_odds, weights), rel=1e-3, abs=1e-3)


def test_copies_of_a_film_do_not_narrow_the_slope() -> None:
    labels, log_odds = simulate(3, 100)
    once = fit_site_calibration(labels, log_odds, np.arange(100)).slope
    copied = [np.repeat(values, 3) for values in (labels, log_odds, np.arange(100))]
    by_patient = fit_site_calibration(*copied).slope
    by_film = fit_site_calibration(*copied[:2], np.arange(300)).slope
    assert by_patient.high - by_patient.low == pytest.approx(once.high - once.low, rel=0.01)
    assert by_film.high - by_film.low < 0.8 * (once.high - once.low)


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
        assert report.auroc.low == pytest.approx(0.025 ** (1 / 60))  # 60 pairs, all in order


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
    assert "9; with fewer" in too_few(labels, np.where(labels, np.arange(200), np.arange(200) % 18))
    assert too_few(labels, np.arange(200)) == ""


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
    point = operating_point(scores.labels, scores.probabilities, higher, scores.patients)
    assert point.sensitivity.low < 0.95  # the highest that keeps it
    assert report.recommended.threshold.low < report.recommended.threshold.value
    assert report.recommended.threshold.value < report.recommended.threshold.high


def test_films_that_cannot_show_the_goal_get_the_estimate_and_are_told() -> None:
    report = real(12)
    assert report.positives < 60
    assert not report.recommended.shown
    assert report.recommended.point.sensitivity.value >= 0.95
    assert any("cannot show that the sensitivity" in warning for warning in report.warnings)
    assert any("at least 100 of each" in warning for warning in report.warnings)


def test_one_miss_shows_no_more_than_none() -> None:
    """Of 70 patients with one missed, resamples put the lower bound above 95 %; of 70 with none
    missed the exact bound is 94.9 %."""
    log_odds = np.concatenate([[-3.0], np.linspace(1, 3, 69), np.linspace(-2, 0.5, 60)])
    labels = np.arange(130) < 70
    scored = labels, expit(log_odds)
    assert operating_point(*scored, 0.6, np.arange(130)).sensitivity.low >= 0.95
    assert not recommend(SiteFilms(labels, log_odds, np.arange(130)), 0.95).shown


def test_no_miss_leaves_the_threshold_open_below() -> None:
    log_odds = np.concatenate([np.linspace(1, 3, 15), np.linspace(-2, 1.5, 40)])
    advice = recommend(SiteFilms(np.arange(55) < 15, log_odds, np.arange(55)), 0.95)
    assert advice.point.false_negatives == 0
    assert advice.threshold.value == round_down(expit(1.0)) == 0.731
    assert advice.threshold.low == 0 < advice.threshold.value < advice.threshold.high


def test_strictest_threshold_is_the_best_of_all() -> None:
    generator = np.random.default_rng(2)
    labels, scores = generator.random(60) < 0.5, np.round(generator.random(60), 1)
    weights = generator.multinomial(60, np.full(60, 1 / 60), size=20)
    goals = generator.uniform(0.05, 1, 20)
    found = strictest(labels, scores, weights, goals)
    for threshold, row, goal in zip(found, weights, goals, strict=True):
        ill = row * labels
        keeps = [t for t in np.unique(scores) if ill[scores >= t].sum() >= goal * ill.sum() - 1e-9]
        assert threshold == max(keeps)
    assert strictest(labels, scores, np.ones((1, 60), int), 0.0) == scores[labels].max()
    none = strictest(labels, scores, (~labels).astype(int)[None], 0.9)
    assert np.isnan(none).all()


def test_rounding_down_keeps_every_film() -> None:
    thresholds = np.concatenate([np.arange(1, 1000) / 1000, np.linspace(0.001, 1, 997)])
    for threshold in thresholds.tolist():
        assert threshold - 0.001 < round_down(threshold) <= threshold
    assert round_down(0.57) == 0.57 and round_down(0.5699) == 0.569
    assert round_down(0.0004) == 0.0004  # 0 would call every film positive


def test_interval_of_the_threshold_covers_it() -> None:
    """Scores of the ill are normal, so the threshold that finds 80 % of them is known."""
    covered = 0
    for seed in range(20):
        generator = np.random.default_rng(seed)
        log_odds = np.concatenate(
            [1 + generator.standard_normal(60), generator.standard_normal(60)]
        )
        advice = recommend(SiteFilms(np.arange(120) < 60, log_odds, np.arange(120)), 0.8)
        low, high = logit([max(advice.threshold.low, 1e-9), advice.threshold.high])
        # What it aims at is the sensitivity it reached here, which is a little above the goal.
        reached = advice.point.sensitivity.value
        truth = 1 + np.quantile(np.random.default_rng(99).standard_normal(200_000), 1 - reached)
        covered += low <= truth <= high
    assert covered >= 16


def test_films_needed_by_hand() -> None:
    """Sensitivity 0.9 to within 0.05: 1.96^2 * 0.09 / 0.0025 = 138.3, so 139; specificity 0.8:
    245.9, so 246. A fifth are ill: 139 / 0.2 = 695 films hold enough of the ill and, with
    246 / 0.8 = 307.5, of the others."""
    needed = films_needed(0.9, 0.8, 0.2, half_width=0.05)
    assert (needed.positives, needed.negatives, needed.total) == (139, 246, 695)
    doubled = films_needed(0.9, 0.8, 0.2, half_width=0.05, design_effects=(2.0, 1.0))
    assert (doubled.positives, doubled.negatives, doubled.total) == (277, 246, 1385)
    assert films_needed(0.9, 0.8, 0.9, half_width=0.05).total == 2460
    assert films_needed(0.9, 0.8, float("nan"), half_width=0.05).total is None


def test_so_many_films_do_give_such_intervals() -> None:
    needed = films_needed(0.9, 0.8, 0.5, half_width=0.05)
    labels = np.arange(needed.positives + needed.negatives) < needed.positives
    called = np.random.default_rng(0).random(len(labels)) < np.where(labels, 0.9, 0.2)
    point = operating_point(labels, called.astype(float), 0.5, np.arange(len(labels)))
    for rate in (point.sensitivity, point.specificity):
        assert (rate.high - rate.low) / 2 == pytest.approx(0.05, abs=0.01)


def test_a_perfect_local_share_is_not_planned_on() -> None:
    labels = np.arange(36) < 18  # one miss of 18 would be below the goal
    raw = np.where(labels, 0.0, -5.0) + np.linspace(0, 1, 36)
    report = assess(CARD, "pneumonia", labels.astype(float), raw, np.arange(36))
    assert report.recommended.point.sensitivity.value == 1
    assert report.needed.sensitivity == 0.95 and report.needed.positives == 73
    assert "patient of its own" in report.needed_basis


def test_design_effect_of_copies_is_their_number() -> None:
    hits = np.random.default_rng(0).random(400) < 0.7
    assert design_effect(hits, np.arange(400)) == 1
    assert design_effect(np.repeat(hits, 3), np.repeat(np.arange(400), 3)) == pytest.approx(
        3, rel=0.01
    )
    shuffled = design_effect(np.repeat(hits, 3), np.tile(np.arange(400), 3))
    assert 1 <= shuffled < 1.2
    assert design_effect(np.ones(10, bool), np.arange(10) // 2) is None


def test_recommendations_are_saved_as_settings() -> None:
    sound, small = real(1), real(12)
    assert sound.sound and small.recommended and not small.sound
    points = to_points([sound, small], TODAY)
    assert load_points(CARD, dump_points(CARD, points)) == points
    assert [point.threshold for point in points] == [sound.recommended.threshold.value]
    assert points[0].note == (
        "Site calibration on 624 films of 428 patients, goal sensitivity at least 95 % by the "
        "lower bound of its 95 % interval, 2025-03-01."
    )


def test_summary_holds_the_numbers_and_no_curve() -> None:
    values = json.loads(summarise(CARD, [real(1)], TODAY, "Patients are those of the table."))
    found = values["findings"][0]
    assert values["bundle_sha256"] == CARD.sha256 and values["date"] == "2025-03-01"
    assert found["auroc"]["value"] == real(1).auroc.value
    assert found["recommended"]["point"]["sensitivity"]["low"] >= 0.95
    assert "roc" not in found


def test_sentences_name_both_thresholds_and_the_question_asked() -> None:
    text = " ".join(describe(real(1)))
    own = CARD.default_thresholds()["pneumonia"]
    assert f"own threshold ({own:.3f})" in text and "recommended threshold" in text
    assert "AUROC" in text and "with pneumonia as they come" not in text
    films = CARD.cohorts["test"].subset(np.arange(624) % 3 == 0)
    viral = assess(CARD, "viral", films.labels[:, 1], films.logits[:, 1], films.patients)
    assert viral.films == int((~np.isnan(films.labels[:, 1])).sum())
    assert "films with pneumonia as they come" in describe(viral)[-1]
