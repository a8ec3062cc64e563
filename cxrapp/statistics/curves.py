"""Curves of a whole cohort over all thresholds, and areas, with intervals by patient."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from cxrapp.model.scores import Scores
from cxrapp.statistics.bootstrap import (
    REPLICATES,
    Rate,
    drawn_rate,
    film_weights,
    interval,
    log_odds_interval,
    number_patients,
    resamples,
    share_interval,
    share_rate,
)

GRID = np.linspace(0, 1, 101)
BINS = 10
BLOCK = 250  # resamples at a time: all at once would take half a gigabyte for 3,000 films


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


def roc(scores: Scores) -> Roc:
    """The ROC curve by scikit-learn."""
    # Imported here, as elsewhere, because it takes a second and the first page has no curve.
    from sklearn.metrics import roc_auc_score, roc_curve

    labels, values = scores.labels, scores.probabilities
    false_alarms, sensitivity, thresholds = roc_curve(labels, values, drop_intermediate=False)
    area = float(roc_auc_score(labels, values))
    return Roc(thresholds, sensitivity, 1 - false_alarms, area)


def weighted_aurocs(scores: Scores, weights: np.ndarray) -> np.ndarray:
    """Areas under the ROC curve of many weightings of the same films, ties counted half.

    What scikit-learn's `roc_auc_score` gives for each, hundreds of times as fast for a thousand.

    Args:
        weights: (R, N) float64; NaN comes of a row that leaves one kind of film without weight.

    Returns:
        (R,) float64.
    """
    order = np.argsort(scores.probabilities, kind="stable")
    labels, ranked = scores.labels[order], scores.probabilities[order]
    starts = np.flatnonzero(np.diff(ranked, prepend=-np.inf))  # of runs of equal scores
    ill = np.add.reduceat(weights[:, order] * labels, starts, axis=1)
    well = np.add.reduceat(weights[:, order] * ~labels, starts, axis=1)
    below = well.cumsum(1) - well / 2
    with np.errstate(invalid="ignore"):
        return (ill * below).sum(1) / (ill.sum(1) * well.sum(1))


def auroc_rate(scores: Scores) -> Rate:
    """Area under the ROC curve with its interval by patient.

    The spread of the resampled areas is laid out on the log-odds of the area, which are nearly
    normal (Qin and Hotilovac, 2008); their percentiles leave out the truth twice too often for 40
    patients. Where all pairs are in order, no resample puts that in doubt: pairs of an ill and a
    well patient that share nobody are independent, and each is in order with a chance of just the
    area, so many of so many bound it.
    """
    (area,) = weighted_aurocs(scores, np.ones((1, len(scores.labels))))
    if area in (0, 1):
        kinds = (scores.labels, ~scores.labels)
        patients = [len(np.unique(scores.patients[kind])) for kind in kinds]
        pairs = min(*patients, len(np.unique(scores.patients)) // 2)
        low, high = share_interval(float(area), pairs)
    else:
        areas = weighted_aurocs(scores, film_weights(scores.patients))
        low, high = log_odds_interval(area, areas)
    return Rate(float(area), float(low), float(high), len(scores.labels))


def auroc_difference(scores: Scores, others: Scores) -> Rate:
    """AUROC of `scores` minus that of `others`, which are of the same films, resampled in pairs."""
    weights = np.vstack([np.ones(len(scores.labels)), film_weights(scores.patients)])
    value, *drawn = np.subtract(*(weighted_aurocs(each, weights) for each in (scores, others)))
    return drawn_rate(value, drawn, len(scores.labels))


def average_precision(scores: Scores) -> Rate:
    """Area under the precision-recall curve (scikit-learn's), with its interval by patient."""
    from sklearn.metrics import average_precision_score

    areas = []
    for true, false in _cumulate(scores):
        precision = true / np.maximum(true + false, 1e-12)
        gained = np.diff(true, axis=1, prepend=0) / true[:, -1:]
        areas.append((precision * gained).sum(1))
    value = average_precision_score(scores.labels, scores.probabilities)
    drawn = np.concatenate(areas)[1:]
    if value == 1:
        return drawn_rate(value, drawn, len(scores.labels))
    low, high = log_odds_interval(value, drawn)
    return Rate(float(value), float(low), float(high), len(scores.labels))


@dataclass(frozen=True)
class Band:
    """A curve and its 95 % band at the same places: (T,) float64 each."""

    x: np.ndarray
    value: np.ndarray
    low: np.ndarray
    high: np.ndarray


def roc_band(scores: Scores) -> Band:
    """Sensitivity (y) at shares of wrongly flagged films (x)."""
    curves = [
        _steps(f / f[-1], t / t[-1])
        for true, false in _cumulate(scores)
        for t, f in zip(true, false, strict=True)
    ]
    return _band(GRID, np.array(curves))


def precision_recall_band(scores: Scores) -> Band:
    """Precision (y) at sensitivities (x), at the cohort's own prevalence."""
    places = GRID[1:]  # no precision where nothing is flagged
    curves = []
    for true, false in _cumulate(scores):
        for t, f in zip(true, false, strict=True):
            # The strictest setting that finds so many.
            first = np.searchsorted(t / t[-1], places - 1e-9)
            curves.append(t[first] / np.maximum(t[first] + f[first], 1e-12))
    return _band(places, np.array(curves))


def _cumulate(scores: Scores) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """True and false positives from strict to lenient, (R, T), of the cohort and its resamples.

    In blocks; the first row of the first is the cohort itself. Resamples without both answers are
    left out.
    """
    labels = scores.labels
    index = number_patients(scores.patients)
    drawn = resamples(int(index.max()) + 1)
    order = np.argsort(-scores.probabilities, kind="stable")
    # Films of one score are flagged together.
    last = np.append(np.diff(scores.probabilities[order]) != 0, True)
    for start in range(0, REPLICATES, BLOCK):
        weights = drawn[start : start + BLOCK, index]  # (R, N)
        if start == 0:
            weights = np.vstack([np.ones(len(labels)), weights])
        both = ((weights * labels).sum(1) > 0) & ((weights * ~labels).sum(1) > 0)
        weights, ranked = weights[both][:, order], labels[order]
        true, false = (np.cumsum(weights * kind, 1)[:, last] for kind in (ranked, ~ranked))
        yield true, false


def _steps(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The highest y that is reached without going beyond each place of the grid."""
    reached = np.searchsorted(x, GRID + 1e-9, side="right") - 1
    return np.where(reached >= 0, y[np.maximum(reached, 0)], 0.0)


def _band(x: np.ndarray, curves: np.ndarray) -> Band:
    return Band(x, curves[0], *interval(curves[1:]))


@dataclass(frozen=True)
class Reliability:
    """Films in bins of like probability: what was said, and what was so. (B,) each, none empty."""

    said: np.ndarray
    observed: np.ndarray
    low: np.ndarray
    high: np.ndarray
    films: np.ndarray


def reliability(scores: Scores) -> Reliability:
    """Calibration by tenths of the scale (DeGroot and Fienberg, 1983)."""
    bins = _bins(scores.probabilities)
    members = [bins == b for b in np.unique(bins)]
    shares = [share_rate(scores.labels[chosen], scores.patients[chosen]) for chosen in members]
    return Reliability(
        np.array([scores.probabilities[chosen].mean() for chosen in members]),
        np.array([share.value for share in shares]),
        np.array([share.low for share in shares]),
        np.array([share.high for share in shares]),
        np.array([share.n for share in shares]),
    )


def _bins(probabilities: np.ndarray) -> np.ndarray:
    """(N,) int: which tenth of the scale each probability is in."""
    return np.minimum((probabilities * BINS).astype(int), BINS - 1)


def calibration_error(scores: Scores) -> Rate:
    """Expected calibration error (Naeini et al., 2015): ten bins of equal width, films weighted.

    Chance alone makes it positive, and resampling adds to that. The interval takes off what
    resampling adds: once from the high end, which never falls below the value, and three times from
    the low end, as chance adds about twice as much to the value itself; so simulations cover. The
    low end is 0 where chance alone would give as much in one of forty cohorts.
    """
    index = number_patients(scores.patients)
    excess = np.zeros((index.max() + 1, BINS))  # patient by bin: sum of label minus probability
    np.add.at(excess, (index, _bins(scores.probabilities)), scores.labels - scores.probabilities)
    films = np.bincount(index)
    weights = resamples(len(films))
    errors = np.abs(weights @ excess).sum(1) / (weights @ films)
    value = float(np.abs(excess.sum(0)).sum() / len(scores.labels))
    added = max(float(errors.mean()) - value, 0.0)
    low, high = interval(errors)
    if value <= interval(_errors_if_calibrated(scores))[1]:
        low = 0.0
    ends = min(max(float(low) - 3 * added, 0.0), value), max(float(high) - added, value)
    return Rate(value, *ends, len(scores.labels))


def error_if_calibrated(scores: Scores) -> float:
    """The calibration error to expect were every probability true: what chance alone shows."""
    return float(_errors_if_calibrated(scores).mean())


def _errors_if_calibrated(scores: Scores) -> np.ndarray:
    """(R,) errors of labels drawn from the probabilities (Vaicenavicius et al., AISTATS 2019)."""
    probabilities = scores.probabilities
    labels = np.random.default_rng(0).random((REPLICATES, len(probabilities))) < probabilities
    excess = (labels - probabilities) @ np.eye(BINS)[_bins(probabilities)]  # (R, bins)
    return np.abs(excess).sum(1) / len(probabilities)


@dataclass(frozen=True)
class NetBenefit:
    """Found minus wrongly flagged films, these weighed by the odds of the threshold, per film.

    Args:
        model: By the model.
        everyone: (T,) If every film were flagged; flagging none has net benefit 0.
    """

    model: Band
    everyone: np.ndarray


def net_benefit(scores: Scores) -> NetBenefit:
    """Decision curve (Vickers and Elkin, 2006), thresholds from 0.01 to 0.99."""
    thresholds = GRID[1:-1]
    odds = thresholds / (1 - thresholds)
    flagged = scores.probabilities[:, None] >= thresholds
    gains = np.where(scores.labels[:, None], flagged, -odds * flagged)  # (N, T)
    index = number_patients(scores.patients)
    by_patient = np.zeros((index.max() + 1, len(thresholds)))
    np.add.at(by_patient, index, gains)
    weights = resamples(len(by_patient))
    films = weights @ np.bincount(index)
    low, high = interval(weights @ by_patient / films[:, None])
    prevalence = scores.labels.mean()
    everyone = prevalence - odds * (1 - prevalence)
    return NetBenefit(Band(thresholds, gains.mean(0), low, high), everyone)
