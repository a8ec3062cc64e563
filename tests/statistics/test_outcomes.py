import numpy as np
import pytest

from cxrapp.model.scores import Scores
from cxrapp.statistics.operating_point import operating_point
from cxrapp.statistics.outcomes import outcomes

GENERATOR = np.random.default_rng(4)
LABELS = GENERATOR.random(400) < 0.5
PROBABILITIES = np.clip(0.3 * LABELS + 0.35 + 0.2 * GENERATOR.standard_normal(400), 0, 1)
SCORES = Scores(LABELS, PROBABILITIES, np.arange(400) // 2)


def test_counts_are_sensitivity_and_specificity_at_the_clinics_prevalence() -> None:
    point = operating_point(SCORES, 0.5)
    result = outcomes(SCORES, 0.1, 0.5)
    sensitivity, specificity = point.sensitivity, point.specificity
    assert result.found.value == pytest.approx(100 * sensitivity.value)
    assert result.missed.value == pytest.approx(100 * (1 - sensitivity.value))
    assert result.false_alarms.value == pytest.approx(900 * (1 - specificity.value))
    assert result.cleared.value == pytest.approx(900 * specificity.value)
    assert result.found.low == pytest.approx(100 * sensitivity.low)
    assert result.false_alarms.high == pytest.approx(900 * (1 - specificity.low))
    assert result.undecided.value == result.undecided.high == 0
    expected = result.found.value / (result.found.value + result.false_alarms.value)
    assert result.ppv.value == pytest.approx(expected)
    assert result.ppv.low < result.ppv.value < result.ppv.high


def test_at_the_cohorts_own_prevalence_ppv_is_its_precision() -> None:
    point = operating_point(SCORES, 0.5)
    result = outcomes(SCORES, float(LABELS.mean()), 0.5)
    assert result.ppv.value == pytest.approx(point.precision.value)


def test_an_abstain_band_is_an_outcome_of_its_own() -> None:
    decided, banded = outcomes(SCORES, 0.3, 0.6), outcomes(SCORES, 0.3, 0.6, abstain_from=0.4)
    assert banded.found == decided.found and banded.false_alarms == decided.false_alarms
    moved = decided.missed.value - banded.missed.value
    moved += decided.cleared.value - banded.cleared.value
    assert banded.undecided.value == pytest.approx(moved) and moved > 0
    together = (banded.found, banded.missed, banded.false_alarms, banded.cleared, banded.undecided)
    assert sum(rate.value for rate in together) == pytest.approx(1000)


def test_what_never_happened_is_not_impossible() -> None:
    sure = Scores(LABELS, LABELS.astype(float), SCORES.patients)
    result, point = outcomes(sure, 0.2, 0.5), operating_point(sure, 0.5)
    assert result.missed.value == 0 and 0.5 < result.missed.high < 10
    assert result.npv.value == 1 and 0.99 < result.npv.low < 1
    assert result.found.value == 200
    assert result.found.low == pytest.approx(200 * point.sensitivity.low)


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.5, 0.99])
def test_the_missed_are_all_but_the_found(threshold: float) -> None:
    """Each is drawn once: with no miss "found 100 (100 to 100)" stood beside "missed 0 to 1"."""
    result = outcomes(SCORES, 0.1, threshold)
    for one, other, all_ in (
        (result.found, result.missed, 100),
        (result.false_alarms, result.cleared, 900),
    ):
        assert one.value + other.value == pytest.approx(all_)
        assert one.low + other.high == pytest.approx(all_) == one.high + other.low


def test_flagging_none_has_no_ppv() -> None:
    result = outcomes(SCORES, 0.2, 1.1)
    assert np.isnan(result.ppv.value) and np.isnan(result.ppv.low)
    assert result.npv.value == pytest.approx(0.8)
