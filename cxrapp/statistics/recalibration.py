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
from scipy.special import expit

from cxrapp.model.scores import Scores
from cxrapp.statistics.bootstrap import TAIL, Rate, drawn_rate, film_weights, share_rate
from cxrapp.statistics.curves import calibration_error, error_if_calibrated

STEPS = 15  # Newton's; from the line of all films three are enough for most resamples
SETTLED = 1e-3  # a last step; what is left after one of Newton's is about its square
BLOCK = 250  # resamples at a time: all at once would take gigabytes for thousands of films


@dataclass(frozen=True)
class SiteCalibration:
    """How the stated probabilities compare with what was there.

    Args:
        observed: Share of positive films.
        stated: Mean probability.
        in_the_large: In log-odds.
        error: Expected calibration error.
        error_if_calibrated: What it would be by chance alone, were every probability true.
        slope, intercept: None where the score separates the two kinds of film so well that no
            finite line fits.
    """

    observed: Rate
    stated: float
    in_the_large: Rate
    error: Rate
    error_if_calibrated: float
    slope: Rate | None
    intercept: Rate | None


def fit_site_calibration(scores: Scores) -> SiteCalibration:
    """Measure calibration on films of both kinds."""
    drawn = film_weights(scores.patients)
    labels = scores.labels
    drawn = drawn[(drawn[:, labels].sum(1) > 0) & (drawn[:, ~labels].sum(1) > 0)]
    line = _fit_lines(scores, drawn)
    return SiteCalibration(
        share_rate(labels, scores.patients),
        float(scores.probabilities.mean()),
        _fit_in_the_large(scores, drawn),
        calibration_error(scores),
        error_if_calibrated(scores),
        line and line[0],
        line and line[1],
    )


def _fit_in_the_large(scores: Scores, drawn: np.ndarray) -> Rate:
    (value,) = _offsets(scores, np.ones((1, len(scores.labels))), 0.0)
    blocks = (drawn[start : start + BLOCK] for start in range(0, len(drawn), BLOCK))
    offsets = np.concatenate([_offsets(scores, block, value) for block in blocks])
    return drawn_rate(value, offsets, len(scores.labels))


def _offsets(scores: Scores, weights: np.ndarray, start: float) -> np.ndarray:
    """(R,) what must be added to all log-odds for as many films to be expected as there are.

    Newton's steps where they stay between the ends known so far, else the middle.

    Args:
        weights: (R, N) float64, each row with films of both kinds.
    """
    log_odds = scores.log_odds
    positive = weights @ scores.labels
    furthest = float(np.abs(log_odds).max()) + np.log(2 * weights.sum(1).max())
    low, high = np.full(len(weights), -furthest), np.full(len(weights), furthest)
    shift = np.full(len(weights), start)
    step = np.full(len(weights), np.inf)
    while np.abs(step).max() > SETTLED:
        expected = expit(log_odds + shift[:, None])  # (R, N)
        excess = positive - (weights * expected).sum(1)
        low, high = np.where(excess > 0, shift, low), np.where(excess > 0, high, shift)
        with np.errstate(divide="ignore", invalid="ignore"):
            moved = shift + excess / (weights * expected * (1 - expected)).sum(1)
        inside = (low <= moved) & (moved <= high)  # not so where it is NaN
        moved = np.where(inside, moved, (low + high) / 2)
        shift, step = moved, moved - shift
    return shift


def _fit_lines(scores: Scores, drawn: np.ndarray) -> tuple[Rate, Rate] | None:
    """Slope and intercept; None where they, or an end of their intervals, would be infinite."""
    labels, log_odds = scores.labels, scores.log_odds
    whole = _fit_line(labels, log_odds, np.ones(len(labels), int))
    if whole is None:
        return None
    lines = []
    for start in range(0, len(drawn), BLOCK):
        block = drawn[start : start + BLOCK]
        quick = _newton(labels, log_odds, block, whole)
        lines += [
            line if np.isfinite(line).all() else _fit_line(labels, log_odds, weights)
            for line, weights in zip(quick, block, strict=True)
        ]
    bounded = [line for line in lines if line is not None]
    if len(bounded) < (1 - TAIL) * len(drawn):  # beyond a bound, and there is no such bound
        return None
    drawn_lines = np.transpose(bounded)
    slope, intercept = (
        drawn_rate(*one, len(labels)) for one in zip(whole, drawn_lines, strict=True)
    )
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
            if (np.abs(step) < SETTLED).all():
                break
    settled = (np.abs(step) < SETTLED).all(0)
    return np.where(settled[:, None], np.hstack([slopes, intercepts]), np.nan)


def _fit_line(
    labels: np.ndarray, log_odds: np.ndarray, weights: np.ndarray
) -> tuple[float, float] | None:
    """Slope and intercept of the likeliest line; None where there is none, or all but none."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

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
