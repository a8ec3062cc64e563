"""A chain of findings read as one answer: normal, bacterial or viral.

Each finding is asked only where the one before is present, so K findings make K + 1 classes: the
negative of each, and the positive of the last. Their probabilities multiply along the chain.
"""

from collections.abc import Sequence

import numpy as np

from cxrapp.model.card import Finding


def class_names(findings: Sequence[Finding]) -> tuple[str, ...]:
    """The K + 1 classes, from the first question's negative on.

    Raises:
        ValueError: The findings are no chain.
    """
    before = [None, *(finding.name for finding in findings)][: len(findings)]
    if [finding.given for finding in findings] != before:
        raise ValueError("each finding must be `given` the one before it, the first none")
    return (*(finding.negative for finding in findings), findings[-1].positive)


def joint_probabilities(probabilities: np.ndarray) -> np.ndarray:
    """Conditional probabilities (N, K) along the chain -> (N, K + 1) that add up to 1."""
    reached = np.cumprod(probabilities, axis=1)
    before = np.column_stack([np.ones(len(probabilities)), reached[:, :-1]])
    return np.column_stack([before * (1 - probabilities), reached[:, -1]])


def read_classes(values: np.ndarray) -> np.ndarray:
    """Labels, or calls at thresholds, (N, K) of 1, 0 and NaN -> class (N,) int.

    -1 where a question that should be asked has no answer.
    """
    classes = np.full(len(values), values.shape[1])
    for k in reversed(range(values.shape[1])):
        classes = np.where(values[:, k] == 0, k, np.where(np.isnan(values[:, k]), -1, classes))
    return classes
