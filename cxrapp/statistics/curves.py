"""Curves of a whole cohort, over all thresholds, with bands by patient.

Arguments are those of `operating_point`: labels (N,) bool, scores or probabilities (N,) float64,
patients (N,) int.
"""

from dataclasses import dataclass

import numpy as np
from sklearn.metrics import average_precision_score

from cxrapp.statistics.bootstrap import Rate, number_patients, resamples
from cxrapp.statistics.operating_point import share_rate

DRAWS = 500
GRID = np.linspace(0, 1, 101)
BINS = 10


@dataclass(frozen=True)
class Band:
    """A curve and its 95 % band at the same places: (T,) float64 each."""

    x: np.ndarray
    value: np.ndarray
    low: np.ndarray
    high: np.ndarray


@dataclass(frozen=True)
class Reliability:
    """Films in bins of like probability: what was said, and what was so. (B,) each, none empty."""

    said: np.ndarray
    observed: np.ndarray
    low: np.ndarray
    high: np.ndarray
    films: np.ndarray


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
