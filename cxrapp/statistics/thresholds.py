"""The strictest threshold that still finds a share of the ill, in a cohort and its resamples."""

import math

import numpy as np


def strictest(
    labels: np.ndarray, scores: np.ndarray, weights: np.ndarray, sensitivity: float | np.ndarray
) -> np.ndarray:
    """(R,) the highest threshold with at least this sensitivity; NaN where no film is positive.

    Args:
        labels: (N,) bool.
        scores: (N,) float64.
        weights: (R, N) int, how often each film counts.
        sensitivity: In [0, 1]; one for all, or (R,). At 0 one film is found all the same.
    """
    order = np.argsort(-scores[labels], kind="stable")
    ranked = scores[labels][order]
    found = np.cumsum(weights[:, labels][:, order], axis=1)  # (R, P) if the cut were here
    # A hair less, so that 19 of 20 are 0.95 whatever the rounding.
    wanted = np.broadcast_to(sensitivity, len(weights)) * found[:, -1] - 1e-9
    first = (found >= np.maximum(wanted, 1)[:, None]).argmax(axis=1)
    return np.where(found[:, -1] > 0, ranked[first], np.nan)


def round_down(threshold: float) -> float:
    """Three decimals, as a slider has, to the side that keeps the sensitivity.

    Left as it is where nothing but 0 would remain, which calls every film positive.
    """
    nearest = round(
        threshold, 3
    )  # 0.57 * 1000 is below 570: to floor it would lower it for nothing
    return (nearest if nearest <= threshold else math.floor(threshold * 1000) / 1000) or threshold
