import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import precision_score, recall_score, roc_auc_score

from cxrapp.model.scores import Scores
from cxrapp.statistics.curves import (
    average_precision,
    net_benefit,
    precision_recall_band,
    reliability,
    roc_band,
)
from cxrapp.statistics.operating_point import operating_point

GENERATOR = np.random.default_rng(2)
PATIENTS = np.arange(300) // 2
LABELS = GENERATOR.random(300) < 0.4
SCORES = np.clip(0.25 * LABELS + 0.4 + 0.2 * GENERATOR.standard_normal(300), 0, 1).round(2)
COHORT = Scores(LABELS, SCORES, PATIENTS)


def test_roc_band_holds_the_curve_and_narrows_with_patients() -> None:
    band = roc_band(COHORT)
    assert ((band.low <= band.value + 1e-9) & (band.value <= band.high + 1e-9)).mean() > 0.95
    assert band.value[-1] == 1 and np.all(np.diff(band.value) >= 0)
    # A step curve lies below the trapezoids of the area, by ties at most.
    assert np.trapezoid(band.value, band.x) == pytest.approx(
        roc_auc_score(LABELS, SCORES), abs=0.02
    )
    many = roc_band(Scores(np.tile(LABELS, 4), np.tile(SCORES, 4), np.arange(1200)))
    assert (many.high - many.low).mean() < 0.7 * (band.high - band.low).mean()


def test_precision_recall_agrees_with_scikit_learn() -> None:
    band = precision_recall_band(COHORT)
    for threshold in (0.3, 0.5, 0.7):
        place = recall_score(LABELS, SCORES >= threshold)
        k = int(np.searchsorted(band.x, place - 1e-9))
        strictest = SCORES[LABELS][np.argsort(-SCORES[LABELS])][
            int(np.ceil(band.x[k] * LABELS.sum() - 1e-6)) - 1
        ]
        assert band.value[k] == pytest.approx(precision_score(LABELS, SCORES >= strictest))
    rate = average_precision(COHORT)
    assert rate.low < rate.value < rate.high


def test_reliability_agrees_with_scikit_learn() -> None:
    scores = np.clip(SCORES + 0.003, 0, 0.999)  # on an edge the library takes the bin below
    curve = reliability(COHORT.by(scores))
    observed, said = calibration_curve(LABELS, scores, n_bins=10)
    np.testing.assert_allclose(curve.said, said)
    np.testing.assert_allclose(curve.observed, observed)
    assert curve.films.sum() == len(LABELS)
    assert (curve.low <= curve.observed).all() and (curve.observed <= curve.high).all()
    assert (curve.low < curve.high).all()  # also where all films of a bin are alike


def test_net_benefit_counts_what_a_threshold_gains_and_costs() -> None:
    curve = net_benefit(COHORT)
    k = int(np.argmin(np.abs(curve.model.x - 0.25)))
    point = operating_point(COHORT, curve.model.x[k])
    expected = (point.true_positives - point.false_positives / 3) / 300
    assert curve.model.value[k] == pytest.approx(expected)
    assert curve.everyone[k] == pytest.approx(LABELS.mean() - (1 - LABELS.mean()) / 3)
