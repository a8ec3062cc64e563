"""Are the bundle's probabilities true at a site? Logistic recalibration, by patient.

After Cox, "Two further applications of a model for binary regression" (1958), and Steyerberg,
"Clinical Prediction Models" (2009), chapter 15: log-odds of the finding at the site =
intercept + slope * log-odds the bundle states. Slope 1 and intercept 0 are perfect; a slope below
1 means probabilities too near 0 and 1. Calibration in the large is the intercept that remains when
the slope is held at 1: above 0, the finding is more frequent than the bundle states.
"""

import warnings
from dataclasses import dataclass

import numpy as np
from scipy.linalg import LinAlgWarning
from scipy.optimize import brentq
from scipy.special import expit
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from cxrapp.statistics.bootstrap import Rate, number_patients, resamples
from cxrapp.statistics.curves import calibration_error
from cxrapp.statistics.operating_point import share_rate

DRAWS = 500
STEPS = 15  # Newton's; from the line of all films five are enough for most resamples
MAX_SEPARATED = 0.025  # more resamples than that beyond a bound, and there is no such bound


@dataclass(frozen=True)
class SiteCalibration:
    """How the stated probabilities compare with what was there.

    Args:
        observed: Share of positive films.
        stated: Mean probability.
        in_the_large: In log-odds.
        error: Expected calibration error.
        slope, intercept: None where the score separates the two kinds of film so well that no
            finite line fits.
    """

    observed: Rate
    stated: float
    in_the_large: Rate
    error: Rate
    slope: Rate | None
    intercept: Rate | None


def fit_site_calibration(
    labels: np.ndarray, log_odds: np.ndarray, patients: np.ndarray
) -> SiteCalibration:
    """Measure calibration on films of both kinds.

    Args:
        labels: (N,) bool.
        log_odds: (N,) float64, those of the bundle's calibrated probability.
        patients: (N,) int.
    """
    line = _fit_lines(labels, log_odds, patients)
    return SiteCalibration(
        share_rate(labels, patients),
        float(expit(log_odds).mean()),
        _fit_in_the_large(labels, log_odds, patients),
        calibration_error(labels, expit(log_odds), patients),
        line and line[0],
        line and line[1],
    )


def _fit_in_the_large(labels: np.ndarray, log_odds: np.ndarray, patients: np.ndarray) -> Rate:
    def offset(weights: np.ndarray) -> float:
        # The likelihood is highest where as many films are expected as there are.
        def excess(shift: float) -> float:
            return float(weights @ (labels - expit(log_odds + shift)))

        furthest = float(np.abs(log_odds).max()) + np.log(2 * weights.sum())
        return float(brentq(excess, -furthest, furthest, xtol=1e-6, maxiter=1000))

    drawn = _draws(labels, patients)
    low, high = np.percentile([offset(weights) for weights in drawn], [2.5, 97.5])
    return Rate(offset(np.ones(len(labels))), float(low), float(high), len(labels))


def _fit_lines(
    labels: np.ndarray, log_odds: np.ndarray, patients: np.ndarray
) -> tuple[Rate, Rate] | None:
    """Slope and intercept; None where they, or an end of their intervals, would be infinite."""
    whole = _fit_line(labels, log_odds, np.ones(len(labels), int))
    if whole is None:
        return None
    drawn = _draws(labels, patients)
    lines = [
        quick if np.isfinite(quick).all() else _fit_line(labels, log_odds, weights)
        for quick, weights in zip(_newton(labels, log_odds, drawn, whole), drawn, strict=True)
    ]
    bounded = [line for line in lines if line is not None]
    if len(bounded) < (1 - MAX_SEPARATED) * len(drawn):
        return None
    low, high = np.percentile(bounded, [2.5, 97.5], axis=0)
    values = zip(whole, low, high, strict=True)
    slope, intercept = (Rate(*map(float, value), len(labels)) for value in values)
    return slope, intercept


def _newton(
    labels: np.ndarray, log_odds: np.ndarray, weights: np.ndarray, start: tuple[float, float]
) -> np.ndarray:
    """(R, 2) what `_fit_line` gives for each row of weights (R, N), all at once; NaN where it does
    not settle. A page cannot wait for hundreds of fits one by one."""
    slopes, intercepts = (np.full((len(weights), 1), value) for value in start)
    with np.errstate(all="ignore"):  # lines that run away are told by not settling
        for _ in range(STEPS):
            expected = expit(slopes * log_odds + intercepts)
            residuals, spread = weights * (labels - expected), weights * expected * (1 - expected)
            up, level = residuals @ log_odds, residuals.sum(1)
            xx, x, one = spread @ log_odds**2, spread @ log_odds, spread.sum(1)
            step = np.stack([one * up - x * level, xx * level - x * up]) / (xx * one - x**2)
            slopes, intercepts = slopes + step[0][:, None], intercepts + step[1][:, None]
    settled = (np.abs(step) < 1e-6).all(0)
    return np.where(settled[:, None], np.hstack([slopes, intercepts]), np.nan)


def _fit_line(
    labels: np.ndarray, log_odds: np.ndarray, weights: np.ndarray
) -> tuple[float, float] | None:
    """Slope and intercept of the likeliest line; None where there is none, or all but none."""
    used = weights > 0
    if _separated(labels[used], log_odds[used]):
        return None
    model = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-6)
    with warnings.catch_warnings():
        warnings.simplefilter("error", LinAlgWarning)
        warnings.simplefilter("error", ConvergenceWarning)
        try:
            model.fit(log_odds[:, None], labels, sample_weight=weights)
        except (LinAlgWarning, ConvergenceWarning):
            return None
    return float(model.coef_[0, 0]), float(model.intercept_[0])


def _separated(labels: np.ndarray, log_odds: np.ndarray) -> bool:
    """Whether a threshold parts the two kinds, ties at it aside: no maximum of the likelihood
    (Albert and Anderson, "On the existence of maximum likelihood estimates", 1984)."""
    ill, well = log_odds[labels], log_odds[~labels]
    return bool(well.max() <= ill.min() or ill.max() <= well.min())


def _draws(labels: np.ndarray, patients: np.ndarray) -> np.ndarray:
    """(R, N) int: resamples with films of both kinds."""
    index = number_patients(patients)
    drawn = resamples(int(index.max()) + 1)[:DRAWS, index]
    return drawn[(drawn[:, labels].sum(1) > 0) & (drawn[:, ~labels].sum(1) > 0)]
