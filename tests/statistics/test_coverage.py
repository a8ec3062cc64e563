"""Nominal 95 % intervals cover the truth in 93 to 97 of 100 cohorts of 40 to 600 patients, drawn.

Exact intervals may cover more where films are few, for counts are whole numbers: of those only the
share that is wrong at either end is held, to 2.5 %. Allowances are two standard errors of so many
cohorts.
"""

from collections.abc import Iterator

import numpy as np
import pytest
from scipy.special import expit, logit
from scipy.stats import binom, norm

from cxrapp.model.scores import Scores
from cxrapp.site.recommend import recommend
from cxrapp.statistics.bootstrap import Rate, exact_interval
from cxrapp.statistics.curves import auroc_rate, average_precision, calibration_error
from cxrapp.statistics.operating_point import operating_point
from cxrapp.statistics.outcomes import outcomes
from cxrapp.statistics.recalibration import fit_site_calibration

APART = 1.5  # between the means of well and ill, in standard deviations
CUT = 0.5


def cohorts(number: int, patients: int, films: int = 1) -> Iterator[Scores]:
    """Half of the patients are ill. What films of one patient share is half of their spread."""
    generator = np.random.default_rng(patients)
    who = np.repeat(np.arange(patients), films)
    ill = who < patients // 2
    for _ in range(number):
        own, shared = generator.standard_normal(len(who)), generator.standard_normal(patients)
        yield Scores(ill, APART * ill + (own + shared[who]) / np.sqrt(2), who)


def cover(rates: list[Rate], truth: float) -> tuple[float, float]:
    """Shares of intervals that lie above and below the truth."""
    return np.mean([r.low > truth for r in rates]), np.mean([r.high < truth for r in rates])


def held(wrong: tuple[float, float], number: int, *, exact: bool = False) -> bool:
    error = 2 * np.sqrt(0.05 * 0.95 / number)
    return sum(wrong) < 0.07 + error and (exact or sum(wrong) > 0.03 - error)


@pytest.mark.parametrize(("patients", "number"), [(40, 150), (150, 60), (600, 25)])
@pytest.mark.parametrize("films", [1, 2])
def test_area_under_the_curve(patients: int, number: int, films: int) -> None:
    truth = norm.cdf(APART / np.sqrt(2))
    rates = [auroc_rate(scores) for scores in cohorts(number, patients, films)]
    assert held(cover(rates, truth), number)


@pytest.mark.parametrize(("patients", "number"), [(40, 80), (150, 40)])
def test_average_precision(patients: int, number: int) -> None:
    recall = np.linspace(1e-6, 1, 100_000)
    flagged = norm.sf(norm.isf(recall) + APART)
    truth = float((recall / (recall + flagged)).mean())
    rates = [average_precision(scores) for scores in cohorts(number, patients)]
    assert held(cover(rates, truth), number, exact=True)


@pytest.mark.parametrize("patients", [20, 75, 150, 300])
@pytest.mark.parametrize("truth", [0.5, 0.8, 0.95, 0.98])
def test_share_of_one_film_a_patient(patients: int, truth: float) -> None:
    """By every count there can be, so nothing is simulated."""
    counts = np.arange(patients + 1)
    low, high = exact_interval(counts / patients, np.full(patients + 1, patients))
    chance = binom.pmf(counts, patients, truth)
    assert chance[low > truth].sum() <= 0.025 and chance[high < truth].sum() <= 0.025
    if patients * min(truth, 1 - truth) >= 30:
        assert chance[(low <= truth) & (truth <= high)].sum() < 0.97


@pytest.mark.parametrize(("patients", "films"), [(40, 2), (100, 1), (300, 2)])
def test_outcomes_and_rates_of_patients_with_several_films(patients: int, films: int) -> None:
    sensitivity, specificity = norm.cdf(APART - CUT), norm.cdf(CUT)
    found, alarms = 0.2 * sensitivity, 0.8 * (1 - specificity)
    missed, cleared = 0.2 * norm.sf(APART), 0.8 * 0.5  # below the abstain band
    truths = {
        "sensitivity": sensitivity,
        "specificity": specificity,
        "ppv": found / (found + alarms),
        "npv": cleared / (cleared + missed),
        "undecided": 200 * (norm.cdf(APART) - sensitivity) + 800 * (specificity - 0.5),
    }
    rates: dict[str, list[Rate]] = {name: [] for name in truths}
    for scores in cohorts(60, patients, films):
        point = operating_point(scores, CUT)
        banded = outcomes(scores, 0.2, CUT, abstain_from=0.0)
        for name in rates:
            rates[name].append(getattr(point if hasattr(point, name) else banded, name))
    for name, truth in truths.items():
        assert held(cover(rates[name], truth), 60, exact=True), name


def calibrated(number: int, patients: int, slope: float, intercept: float) -> Iterator[Scores]:
    """Log-odds of the truth are intercept + slope * those stated."""
    generator = np.random.default_rng(patients)
    for _ in range(number):
        stated = 1.5 * generator.standard_normal(patients)
        labels = generator.random(patients) < expit(intercept + slope * stated)
        yield Scores(labels, expit(stated), np.arange(patients))


@pytest.mark.parametrize(("patients", "number"), [(80, 30), (300, 15)])
def test_calibration_slope_and_in_the_large(patients: int, number: int) -> None:
    fits = [fit_site_calibration(scores) for scores in calibrated(number, patients, 1.0, -0.5)]
    for name, truth in (("in_the_large", -0.5), ("slope", 1.0), ("intercept", -0.5)):
        assert held(cover([getattr(fit, name) for fit in fits], truth), number, exact=True), name


@pytest.mark.parametrize(("slope", "intercept"), [(1.0, 0.0), (1.0, 0.5), (0.6, -0.5)])
@pytest.mark.parametrize("patients", [100, 600])
def test_calibration_error(patients: int, slope: float, intercept: float) -> None:
    stated = 1.5 * norm.ppf((np.arange(100_000) + 0.5) / 100_000)
    tenth = np.minimum((expit(stated) * 10).astype(int), 9)
    apart = np.bincount(tenth, expit(intercept + slope * stated) - expit(stated))
    truth = np.abs(apart).sum() / len(stated)
    rates = [calibration_error(one) for one in calibrated(80, patients, slope, intercept)]
    assert all(rate.low <= rate.value <= rate.high for rate in rates)
    assert held(cover(rates, truth), 80, exact=True)


@pytest.mark.parametrize("ill", [40, 75, 100, 200])
def test_a_recommended_threshold_allows_for_its_choice(ill: int) -> None:
    """At 75 to 100 ill films "shown" was wrong for 6 to 12 % of clinics, nominally 2.5 %, and the
    interval of the sensitivity covered 85 %."""
    number, wrong, above, below, thresholds = 40, 0, 0, 0, 0
    generator = np.random.default_rng(ill)
    for _ in range(number):
        values = np.concatenate([2 + generator.standard_normal(ill), generator.standard_normal(30)])
        films = Scores(np.arange(ill + 30) < ill, expit(values), np.arange(ill + 30))
        advice = recommend(films, 0.95)
        truth = norm.sf(logit(advice.threshold.value) - 2)
        found = advice.point.sensitivity
        wrong += advice.shown and truth < 0.95
        above, below = above + (found.low > truth), below + (found.high < truth)
        aimed = expit(2 + norm.isf(found.value))  # 0 where none was missed
        thresholds += advice.threshold.low <= aimed <= advice.threshold.high
    assert wrong / number <= 0.025 + 2 * np.sqrt(0.025 * 0.975 / number)
    assert held((above / number, below / number), number, exact=True)
    assert thresholds / number >= 0.93 - 2 * np.sqrt(0.05 * 0.95 / number)


def test_an_interval_of_half_the_width_is_found_out() -> None:
    halved = [
        Rate(rate.value, (rate.low + rate.value) / 2, (rate.high + rate.value) / 2, rate.n)
        for rate in map(auroc_rate, cohorts(100, 40))
    ]
    assert not held(cover(halved, norm.cdf(APART / np.sqrt(2))), 100)
