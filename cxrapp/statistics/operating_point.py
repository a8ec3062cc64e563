"""Scores and a threshold -> what a setting does, with 95 % intervals by patient."""

from dataclasses import dataclass

import numpy as np

from cxrapp.model.scores import Scores
from cxrapp.statistics.bootstrap import Rate, share_rate


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

    def rate(cases: np.ndarray, among: np.ndarray) -> Rate:
        return share_rate(cases[among], scores.patients[among])

    # F1 is 2 TP / (2 TP + FP + FN): of the films that are ill or called so, the share that is both,
    # on another scale.
    both = rate(labels & called, labels | called)
    f1 = (2 * end / (1 + end) for end in (both.value, both.low, both.high))
    return OperatingPoint(
        threshold=float(threshold),
        true_positives=int((labels & called).sum()),
        false_positives=int((~labels & called).sum()),
        true_negatives=int((~labels & ~called).sum()),
        false_negatives=int((labels & ~called).sum()),
        sensitivity=rate(called, labels),
        specificity=rate(~called, ~labels),
        precision=rate(labels, called),
        accuracy=rate(labels == called, np.ones(len(labels), bool)),
        f1=Rate(*f1, len(labels)),
    )
