"""Curves of a whole cohort over all thresholds, and areas, with intervals by patient.

Arguments are those of `operating_point`: labels (N,) bool, scores or probabilities (N,) float64,
patients (N,) int.
"""

from dataclasses import dataclass

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from cxrapp.statistics.bootstrap import Rate, number_patients, resamples
from cxrapp.statistics.operating_point import share_rate

DRAWS = 500
GRID = np.linspace(0, 1, 101)
BINS = 10


@dataclass(frozen=True)
class Roc:
    """Receiver operating characteristic: one point a distinct score, from strict to lenient.

    Args:
        thresholds: (T,) float64; the first is infinite, where nothing is called positive.
        sensitivity: (T,) float64.
        specificity: (T,) float64.
        auroc: Area under the curve.
    """

    thresholds: np.ndarray
    sensitivity: np.ndarray
    specificity: np.ndarray
    auroc: float


def roc(labels: np.ndarray, scores: np.ndarray) -> Roc:
    """The ROC curve by scikit-learn.

    Args:
        labels: (N,) bool.
        scores: (N,) float64; higher means more likely.
    """
    false_alarms, sensitivity, thresholds = roc_curve(labels, scores, drop_intermediate=False)
    area = float(roc_auc_score(labels, scores))
    return Roc(thresholds, sensitivity, 1 - false_alarms, area)


def weighted_aurocs(labels: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Areas under the ROC curve of many weightings of the same films, ties counted half.

    What scikit-learn's `roc_auc_score` gives for each, hundreds of times as fast for a thousand.

    Args:
        labels: (N,) bool.
        scores: (N,) float64.
        weights: (R, N) float64; NaN comes of a row that leaves one kind of film without weight.

    Returns:
        (R,) float64.
    """
    order = np.argsort(scores, kind="stable")
    starts = np.flatnonzero(np.diff(scores[order], prepend=-np.inf))  # of runs of equal scores
    ill = np.add.reduceat(weights[:, order] * labels[order], starts, axis=1)
    well = np.add.reduceat(weights[:, order] * ~labels[order], starts, axis=1)
    below = well.cumsum(1) - well / 2
    with np.errstate(invalid="ignore"):
        return (ill * below).sum(1) / (ill.sum(1) * well.sum(1))


def auroc_rate(labels: np.ndarray, scores: np.ndarray, patients: np.ndarray) -> Rate:
    """Area under the ROC curve with its interval by patient; arguments as for `roc`."""
    index = number_patients(patients)
    areas = weighted_aurocs(labels, scores, resamples(int(index.max()) + 1)[:, index])
    low, high = np.nanpercentile(areas, [2.5, 97.5])
    (area,) = weighted_aurocs(labels, scores, np.ones((1, len(labels))))
    return Rate(float(area), float(low), float(high), len(labels))


def auroc_difference(
    labels: np.ndarray, scores: np.ndarray, others: np.ndarray, patients: np.ndarray
) -> Rate:
    """AUROC of `scores` minus AUROC of `others` on the same films, resampled in pairs."""
    index = number_patients(patients)
    weights = np.vstack([np.ones(len(index)), resamples(int(index.max()) + 1)[:, index]])
    value, *drawn = np.subtract(*(weighted_aurocs(labels, s, weights) for s in (scores, others)))
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    return Rate(float(value), float(low), float(high), len(labels))


def average_precision(labels: np.ndarray, scores: np.ndarray, patients: np.ndarray) -> Rate:
    """Area under the precision-recall curve by scikit-learn, with its interval by patient."""
    index = number_patients(patients)
    areas = [
        average_precision_score(labels, scores, sample_weight=weights[index])
        for weights in resamples(int(index.max()) + 1)[:DRAWS]
        if weights[index[labels]].sum() > 0
    ]
    low, high = np.percentile(areas, [2.5, 97.5])
    return Rate(
        float(average_precision_score(labels, scores)), float(low), float(high), len(labels)
    )


@dataclass(frozen=True)
class Band:
    """A curve and its 95 % band at the same places: (T,) float64 each."""

    x: np.ndarray
    value: np.ndarray
    low: np.ndarray
    high: np.ndarray


def roc_band(labels: np.ndarray, scores: np.ndarray, patients: np.ndarray) -> Band:
    """Sensitivity (y) at shares of wrongly flagged films (x)."""
    true, false = _cumulate(labels, scores, patients)
    curves = [_steps(f / f[-1], t / t[-1]) for t, f in zip(true, false, strict=True)]
    return _band(GRID, np.array(curves))


def precision_recall_band(labels: np.ndarray, scores: np.ndarray, patients: np.ndarray) -> Band:
    """Precision (y) at sensitivities (x), at the cohort's own prevalence."""
    true, false = _cumulate(labels, scores, patients)
    places = GRID[1:]  # no precision where nothing is flagged
    curves = []
    for t, f in zip(true, false, strict=True):
        first = np.searchsorted(
            t / t[-1], places - 1e-9
        )  # the strictest setting that finds so many
        curves.append(t[first] / np.maximum(t[first] + f[first], 1e-12))
    return _band(places, np.array(curves))


def _cumulate(
    labels: np.ndarray, scores: np.ndarray, patients: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """True and false positives from strict to lenient, (R, T), of the cohort and its resamples.

    The first row is the cohort itself; resamples without both answers are left out.
    """
    index = number_patients(patients)
    drawn = resamples(int(index.max()) + 1)[:DRAWS, index]
    weights = np.vstack([np.ones(len(labels), int), drawn])  # (R, N)
    both = ((weights * labels).sum(1) > 0) & ((weights * ~labels).sum(1) > 0)
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.diff(scores[order]) != 0, True)  # films of one score are flagged together
    weights, ranked = weights[both][:, order], labels[order]
    return tuple(np.cumsum(weights * kind, 1)[:, last] for kind in (ranked, ~ranked))


def _steps(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The highest y that is reached without going beyond each place of the grid."""
    reached = np.searchsorted(x, GRID + 1e-9, side="right") - 1
    return np.where(reached >= 0, y[np.maximum(reached, 0)], 0.0)


def _band(x: np.ndarray, curves: np.ndarray) -> Band:
    low, high = np.percentile(curves[1:], [2.5, 97.5], axis=0)
    return Band(x, curves[0], low, high)


@dataclass(frozen=True)
class Reliability:
    """Films in bins of like probability: what was said, and what was so. (B,) each, none empty."""

    said: np.ndarray
    observed: np.ndarray
    low: np.ndarray
    high: np.ndarray
    films: np.ndarray


def reliability(labels: np.ndarray, probabilities: np.ndarray, patients: np.ndarray) -> Reliability:
    """Calibration by tenths of the scale (DeGroot and Fienberg, 1983)."""
    bins = np.minimum((probabilities * BINS).astype(int), BINS - 1)
    members = [bins == b for b in np.unique(bins)]
    shares = [share_rate(labels[chosen], patients[chosen]) for chosen in members]
    return Reliability(
        np.array([probabilities[chosen].mean() for chosen in members]),
        np.array([share.value for share in shares]),
        np.array([share.low for share in shares]),
        np.array([share.high for share in shares]),
        np.array([share.n for share in shares]),
    )


def calibration_error(labels: np.ndarray, probabilities: np.ndarray, patients: np.ndarray) -> Rate:
    """Expected calibration error (Naeini et al., 2015): ten bins of equal width, films weighted.

    Resampling adds noise to every bin, so the interval lies above the value when that is small.

    Args:
        labels: (N,) bool.
        probabilities: (N,) float64 in [0, 1].
        patients: (N,) int.
    """
    bins = np.minimum((probabilities * 10).astype(int), 9)
    index = number_patients(patients)
    excess = np.zeros((index.max() + 1, 10))  # patient by bin: sum of label minus probability
    np.add.at(excess, (index, bins), labels - probabilities)
    films = np.bincount(index)
    weights = resamples(len(films))
    errors = np.abs(weights @ excess).sum(1) / (weights @ films)
    low, high = np.percentile(errors, [2.5, 97.5])
    return Rate(
        float(np.abs(excess.sum(0)).sum() / len(labels)), float(low), float(high), len(labels)
    )


def error_if_calibrated(probabilities: np.ndarray, draws: int = 500) -> float:
    """The calibration error to expect were every probability true: what chance alone shows.

    Labels are drawn from the probabilities (Vaicenavicius et al., AISTATS 2019).

    Args:
        probabilities: (N,) float64 in [0, 1].
    """
    labels = np.random.default_rng(0).random((draws, len(probabilities))) < probabilities
    bins = np.minimum((probabilities * 10).astype(int), 9)
    excess = (labels - probabilities) @ np.eye(10)[bins]  # (draws, 10)
    return float(np.abs(excess).sum(1).mean() / len(probabilities))


@dataclass(frozen=True)
class NetBenefit:
    """Found minus wrongly flagged films, these weighed by the odds of the threshold, per film.

    Args:
        model: By the model.
        everyone: (T,) If every film were flagged; flagging none has net benefit 0.
    """

    model: Band
    everyone: np.ndarray


def net_benefit(labels: np.ndarray, probabilities: np.ndarray, patients: np.ndarray) -> NetBenefit:
    """Decision curve (Vickers and Elkin, 2006), thresholds from 0.01 to 0.99."""
    thresholds = GRID[1:-1]
    odds = thresholds / (1 - thresholds)
    flagged = probabilities[:, None] >= thresholds
    gains = np.where(labels[:, None], flagged, -odds * flagged)  # (N, T)
    index = number_patients(patients)
    by_patient = np.zeros((index.max() + 1, len(thresholds)))
    np.add.at(by_patient, index, gains)
    weights = resamples(len(by_patient))[:DRAWS]
    films = weights @ np.bincount(index)
    low, high = np.percentile(weights @ by_patient / films[:, None], [2.5, 97.5], axis=0)
    prevalence = labels.mean()
    everyone = prevalence - odds * (1 - prevalence)
    return NetBenefit(Band(thresholds, gains.mean(0), low, high), everyone)
