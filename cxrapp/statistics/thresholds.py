"""The threshold that keeps a goal: a sensitivity, a specificity, the lowest cost."""

import numpy as np

from cxrapp.model.scores import Scores
from cxrapp.statistics.bootstrap import chosen_interval, number_patients
from cxrapp.statistics.curves import roc


def youden_threshold(scores: Scores) -> float:
    """The threshold with the highest sensitivity + specificity (Youden, 1950)."""
    curve = roc(scores)
    best = np.argmax((curve.sensitivity + curve.specificity)[1:]) + 1  # the first calls nothing
    return float(curve.thresholds[best])


def cost_threshold(scores: Scores, *, prevalence: float, miss_cost: float) -> float:
    """The threshold of the lowest expected cost (Metz, "Basic principles of ROC analysis", 1978).

    It is also that of the highest net benefit at a threshold probability of 1 / (1 + miss_cost).

    Args:
        prevalence: Share of the ill where it is used, in (0, 1).
        miss_cost: How many false alarms one miss weighs.
    """
    curve = roc(scores)
    misses = prevalence * miss_cost * (1 - curve.sensitivity)
    costs = misses + (1 - prevalence) * (1 - curve.specificity)
    best = np.argmin(costs[1:]) + 1  # the first calls nothing
    return float(curve.thresholds[best])


def threshold_for(
    scores: Scores, *, sensitivity: float | None = None, specificity: float | None = None
) -> float | None:
    """The threshold that keeps a goal by the lower bound of its 95 % interval, being chosen for it.

    Args:
        sensitivity: Goal; the highest threshold that keeps it is returned.
        specificity: Goal instead; the lowest threshold that keeps it is returned.

    Returns:
        A threshold, or None where the cohort is too small to show the goal.
    """
    if (sensitivity is None) == (specificity is None):
        raise TypeError("Give one goal: sensitivity or specificity.")
    kind = scores.labels if specificity is None else ~scores.labels
    own, patients = scores.probabilities[kind], number_patients(scores.patients[kind])
    candidates, goal = np.unique(scores.probabilities), specificity or sensitivity
    # From that which keeps the goal least: the first to be shown is the one that costs least.
    for threshold in candidates[::-1] if specificity is None else candidates:
        right = own >= threshold if specificity is None else own < threshold
        if right.mean() >= goal and chosen_interval(right, patients)[0] >= goal:
            return float(threshold)
    return None


def strictest(scores: Scores, weights: np.ndarray, sensitivity: float | np.ndarray) -> np.ndarray:
    """(R,) the highest threshold with at least this sensitivity; NaN where no film is positive.

    Args:
        weights: (R, N) int, how often each film counts.
        sensitivity: In [0, 1]; one for all, or (R,). At 0 one film is found all the same.
    """
    labels = scores.labels
    order = np.argsort(-scores.probabilities[labels], kind="stable")
    ranked = scores.probabilities[labels][order]
    found = np.cumsum(weights[:, labels][:, order], axis=1)  # (R, P) if the cut were here
    # A hair less, so that 19 of 20 are 0.95 whatever the rounding.
    wanted = np.broadcast_to(sensitivity, len(weights)) * found[:, -1] - 1e-9
    first = (found >= np.maximum(wanted, 1)[:, None]).argmax(axis=1)
    return np.where(found[:, -1] > 0, ranked[first], np.nan)


def round_down(threshold: float) -> float:
    """Three decimals, as a slider has, to the side that keeps the sensitivity.

    Left as it is where nothing but 0 would remain, which calls every film positive.
    """
    # Not floor(1000 * threshold): for a score just below 0.117 the product is rounded up, and a
    # threshold above the score would miss the very film it was chosen for.
    nearest = round(threshold, 3)
    return (nearest if nearest <= threshold else round(nearest - 0.001, 3)) or threshold


def round_up(threshold: float) -> float:
    """The same, to the side that keeps the specificity."""
    nearest = round(threshold, 3)
    return nearest if nearest >= threshold else round(nearest + 0.001, 3)
