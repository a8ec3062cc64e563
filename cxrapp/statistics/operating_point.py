"""Labels, scores and a threshold -> what a setting does, with 95 % intervals by patient."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from cxrapp.model.card import ModelCard
from cxrapp.statistics.bootstrap import Rate, number_patients, resamples

Outcome = Literal["positive", "undecided", "negative", "not asked"]  # by a threshold
Call = Literal["positive", "negative", "unsure"]  # by a reader


@dataclass(frozen=True)
class OperatingPoint:
    """What one threshold does on one cohort. Counts are films."""

    threshold: float
    true_positives: int
    false_positives: int
    true_negatives: int
    false_negatives: int
    sensitivity: Rate
    specificity: Rate
    precision: Rate
    accuracy: Rate
    f1: Rate


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


@dataclass(frozen=True)
class Decision:
    """One finding of one film at one threshold."""

    finding: str
    probability: float
    threshold: float
    outcome: Outcome


def decide(
    card: ModelCard,
    probabilities: Sequence[float],
    thresholds: Mapping[str, float],
    abstain_from: Mapping[str, float] | None = None,
) -> tuple[Decision, ...]:
    """Apply the thresholds; a finding whose `given` is not positive is not asked.

    Args:
        probabilities: (K,) calibrated.
        thresholds: Finding -> threshold.
        abstain_from: Finding -> where its abstain band begins; from there up to the threshold a
            film is left undecided. Findings not named have no band.
    """
    outcomes: dict[str, Outcome] = {}
    decisions = []
    for finding, probability in zip(card.findings, probabilities, strict=True):
        threshold = thresholds[finding.name]
        if finding.given and outcomes[finding.given] != "positive":
            outcomes[finding.name] = "not asked"
        else:
            outcomes[finding.name] = _outcome(
                probability, threshold, (abstain_from or {}).get(finding.name, threshold)
            )
        outcome = outcomes[finding.name]
        decisions.append(Decision(finding.name, float(probability), threshold, outcome))
    return tuple(decisions)


def _outcome(probability: float, threshold: float, abstain_from: float) -> Outcome:
    if probability >= threshold:
        return "positive"
    return "undecided" if probability >= abstain_from else "negative"


def adjust_prevalence(probability: float, measured: float, used: float) -> float:
    """A probability where the finding is more or less common (Saerens et al., 2002).

    Holds where ill and well look as they did where it was calibrated, only their share differs.

    Args:
        probability: Calibrated where a share `measured` has the finding.
        measured, used: Shares in (0, 1).
    """
    odds = used / (1 - used) * (1 - measured) / measured
    return odds * probability / (odds * probability + 1 - probability)


def roc(labels: np.ndarray, scores: np.ndarray) -> Roc:
    """The ROC curve by scikit-learn.

    Args:
        labels: (N,) bool.
        scores: (N,) float64; higher means more likely.
    """
    from sklearn.metrics import roc_auc_score, roc_curve  # a second that deciding does not need

    false_alarms, sensitivity, thresholds = roc_curve(labels, scores, drop_intermediate=False)
    area = float(roc_auc_score(labels, scores))
    return Roc(thresholds, sensitivity, 1 - false_alarms, area)


def auroc_rate(labels: np.ndarray, scores: np.ndarray, patients: np.ndarray) -> Rate:
    """Area under the ROC curve with its interval by patient; arguments as for `roc`."""
    from sklearn.metrics import roc_auc_score

    index = number_patients(patients)
    areas = [
        roc_auc_score(labels, scores, sample_weight=weights[index])
        for weights in resamples(int(index.max()) + 1)[:1000]
        if 0 < weights[index[labels]].sum() and 0 < weights[index[~labels]].sum()
    ]
    low, high = np.percentile(areas, [2.5, 97.5])
    return Rate(float(roc_auc_score(labels, scores)), float(low), float(high), len(labels))


def auroc_difference(
    labels: np.ndarray, scores: np.ndarray, others: np.ndarray, patients: np.ndarray
) -> Rate:
    """AUROC of `scores` minus AUROC of `others` on the same films, resampled in pairs."""
    from sklearn.metrics import roc_auc_score

    index = number_patients(patients)

    def difference(weights: np.ndarray | None) -> float:
        areas = [roc_auc_score(labels, s, sample_weight=weights) for s in (scores, others)]
        return float(areas[0] - areas[1])

    differences = [
        difference(weights[index])
        for weights in resamples(int(index.max()) + 1)[:1000]
        if 0 < weights[index[labels]].sum() and 0 < weights[index[~labels]].sum()
    ]
    low, high = np.percentile(differences, [2.5, 97.5])
    return Rate(difference(None), float(low), float(high), len(labels))


def operating_point(
    labels: np.ndarray, scores: np.ndarray, threshold: float, patients: np.ndarray
) -> OperatingPoint:
    """What calling every score >= `threshold` positive does.

    Args:
        labels: (N,) bool.
        scores: (N,) float64.
        patients: (N,) int; films of one patient are resampled together.
    """
    called = scores >= threshold
    cells = np.stack([labels & called, ~labels & called, ~labels & ~called, labels & ~called], 1)
    index = number_patients(patients)
    by_patient = np.zeros((index.max() + 1, 4), int)  # true/false positives, true/false negatives
    np.add.at(by_patient, index, cells)
    resampled = resamples(len(by_patient)) @ by_patient  # (R, 4)
    tp, fp, tn, fn = (int(count) for count in by_patient.sum(0))

    def rate(numerator: tuple[int, ...], denominator: tuple[int, ...]) -> Rate:
        return _rate(by_patient, resampled, np.array(numerator), np.array(denominator))

    f1 = rate((2, 0, 0, 0), (2, 1, 0, 1))  # 2 TP / (2 TP + FP + FN)
    return OperatingPoint(
        threshold=float(threshold),
        true_positives=tp,
        false_positives=fp,
        true_negatives=tn,
        false_negatives=fn,
        sensitivity=rate((1, 0, 0, 0), (1, 0, 0, 1)),
        specificity=rate((0, 0, 1, 0), (0, 1, 1, 0)),
        precision=rate((1, 0, 0, 0), (1, 1, 0, 0)),
        accuracy=rate((1, 0, 1, 0), (1, 1, 1, 1)),
        f1=replace(f1, n=len(labels)),
    )


def _rate(
    by_patient: np.ndarray, resampled: np.ndarray, numerator: np.ndarray, denominator: np.ndarray
) -> Rate:
    """A ratio of counts (P, 4) and its interval from their resamples (R, 4)."""
    total, whole = by_patient.sum(0) @ numerator, by_patient.sum(0) @ denominator
    if whole == 0:
        return Rate(float("nan"), float("nan"), float("nan"), 0)
    if total in (0, whole):
        # No resample can show a miss that never happened: the exact interval over patients can.
        from scipy.stats import binomtest

        patients = int((by_patient @ denominator > 0).sum())
        exact = binomtest(patients if total else 0, patients).proportion_ci(method="exact")
        return Rate(float(total / whole), float(exact.low), float(exact.high), int(whole))
    wholes = resampled @ denominator
    shares = (resampled @ numerator)[wholes > 0] / wholes[wholes > 0]
    low, high = np.percentile(shares, [2.5, 97.5])
    return Rate(float(total / whole), float(low), float(high), int(whole))


def share_rate(cases: np.ndarray, patients: np.ndarray) -> Rate:
    """How many films are such cases, with the interval by patient.

    Args:
        cases: (N,) bool.
        patients: (N,) int.
    """
    # Seen as a test on films that all have the finding: its sensitivity is the share.
    point = operating_point(np.ones(len(cases), bool), cases.astype(float), 0.5, patients)
    return point.sensitivity


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


def youden_threshold(labels: np.ndarray, scores: np.ndarray) -> float:
    """The threshold with the highest sensitivity + specificity (Youden, 1950)."""
    curve = roc(labels, scores)
    best = np.argmax((curve.sensitivity + curve.specificity)[1:]) + 1  # the first calls nothing
    return float(curve.thresholds[best])


def cost_threshold(
    labels: np.ndarray, scores: np.ndarray, *, prevalence: float, miss_cost: float
) -> float:
    """The threshold of the lowest expected cost (Metz, "Basic principles of ROC analysis", 1978).

    It is also that of the highest net benefit at a threshold probability of 1 / (1 + miss_cost).

    Args:
        labels, scores: As for `roc`.
        prevalence: Share of the ill where it is used, in (0, 1).
        miss_cost: How many false alarms one miss weighs.
    """
    curve = roc(labels, scores)
    misses = prevalence * miss_cost * (1 - curve.sensitivity)
    costs = misses + (1 - prevalence) * (1 - curve.specificity)
    best = np.argmin(costs[1:]) + 1  # the first calls nothing
    return float(curve.thresholds[best])


def threshold_for(
    labels: np.ndarray,
    scores: np.ndarray,
    patients: np.ndarray,
    *,
    sensitivity: float | None = None,
    specificity: float | None = None,
) -> float | None:
    """The threshold that keeps a goal by the lower bound of its 95 % interval.

    Args:
        labels, scores, patients: As for `operating_point`.
        sensitivity: Goal; the highest threshold that keeps it is returned.
        specificity: Goal instead; the lowest threshold that keeps it is returned.

    Returns:
        A threshold, or None where the cohort is too small to show the goal.
    """
    if (sensitivity is None) == (specificity is None):
        raise TypeError("Give one goal: sensitivity or specificity.")
    candidates = np.unique(scores)
    if sensitivity is not None:
        candidates = candidates[::-1]  # a lower threshold finds more: first to reach is highest
    # The lower bound follows the threshold up to resampling noise, so a bisection finds the first.
    low, high = 0, len(candidates)
    while low < high:
        middle = (low + high) // 2
        point = operating_point(labels, scores, candidates[middle], patients)
        reached = (
            point.sensitivity.low >= sensitivity
            if sensitivity is not None
            else point.specificity.low >= specificity
        )
        low, high = (low, middle) if reached else (middle + 1, high)
    return float(candidates[low]) if low < len(candidates) else None
