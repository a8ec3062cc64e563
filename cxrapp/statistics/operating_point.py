"""Scores and a threshold -> what a setting does, with 95 % intervals by patient."""

from dataclasses import dataclass, replace

import numpy as np

from cxrapp.model.scores import Scores
from cxrapp.statistics.bootstrap import (
    Rate,
    exact_interval,
    number_patients,
    resamples,
    share_rate_of,
)


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


def operating_point(scores: Scores, threshold: float) -> OperatingPoint:
    """What calling every score >= `threshold` positive does."""
    labels, called = scores.labels, scores.probabilities >= threshold
    cells = np.stack([labels & called, ~labels & called, ~labels & ~called, labels & ~called], 1)
    index = number_patients(scores.patients)
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
    share, patients = float(total / whole), int((by_patient @ denominator > 0).sum())
    if patients == whole:  # one film a patient: nothing is left for resamples to tell
        low, high = exact_interval(share, patients)
        return Rate(share, float(low), float(high), patients)
    wholes = resampled @ denominator
    shares = (resampled @ numerator)[wholes > 0] / wholes[wholes > 0]
    return share_rate_of(share, shares, patients, int(whole))


def share_rate(cases: np.ndarray, patients: np.ndarray) -> Rate:
    """How many films are such cases, with the interval by patient.

    Args:
        cases: (N,) bool.
        patients: (N,) int.
    """
    # Seen as a test on films that all have the finding: its sensitivity is the share.
    scores = Scores(np.ones(len(cases), bool), cases.astype(float), patients)
    return operating_point(scores, 0.5).sensitivity
