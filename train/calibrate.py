"""Calibration and operating points, fitted on validation patients only."""

import math

import numpy as np
from sklearn.linear_model import LogisticRegression

from cxrapp.card import Calibration
from cxrapp.decision import threshold_for, youden_threshold


def fit_calibration(labels: np.ndarray, logits: np.ndarray) -> Calibration:
    """Platt scaling (Platt, 1999) without penalty.

    Class weights shift the log-odds, so the intercept matters as much as the slope.

    Args:
        labels: (N,) bool.
        logits: (N,) float64.
    """
    model = LogisticRegression(C=np.inf).fit(logits[:, None], labels)
    return Calibration(float(model.coef_[0, 0]), float(model.intercept_[0]))


def find_operating_points(
    labels: np.ndarray, probabilities: np.ndarray, patients: np.ndarray
) -> dict[str, float]:
    """Name -> threshold; the default first. A goal the films cannot show is left out.

    Goals are met by the lower bound of the interval. Thresholds have three decimals, as a slider
    does, rounded to the side that keeps the goal.
    """
    scores = labels, probabilities, patients
    points = {
        "balanced (Youden)": _down(youden_threshold(labels, probabilities)),
        "sensitivity at least 95 %": _down(threshold_for(*scores, sensitivity=0.95)),
        "sensitivity at least 98 %": _down(threshold_for(*scores, sensitivity=0.98)),
        "specificity at least 90 %": _up(threshold_for(*scores, specificity=0.90)),
    }
    return {name: threshold for name, threshold in points.items() if threshold is not None}


def _down(threshold: float | None) -> float | None:
    return None if threshold is None else math.floor(threshold * 1000) / 1000


def _up(threshold: float | None) -> float | None:
    return None if threshold is None else math.ceil(threshold * 1000) / 1000
