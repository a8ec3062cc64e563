"""95 % intervals by patient.

Films of one child are not independent, so every interval resamples patients (the cluster
bootstrap: Field and Welsh, 2007), never films. Resamples promise too much of a share that is near
0 or 1, and everything of one that is 0 or 1: an interval of a share is never narrower than the
exact one over its patients.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaincinv, expit, logit, ndtri

REPLICATES = 2000
ENDS = (2.5, 97.5)  # per cent, of every interval


@dataclass(frozen=True)
class Rate:
    """A measure: value, 95 % interval, and the number of films it rests on."""

    value: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


def interval(draws: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Low and high end of the 95 % interval of resampled values.

    Args:
        draws: (R, ...) float64; NaN where a resample could not give the value.

    Returns:
        Two of (...).
    """
    low, high = np.nanpercentile(draws, ENDS, axis=0)
    return low, high


def drawn_rate(value: float, draws: ArrayLike, n: int) -> Rate:
    """A measure with the interval of its resampled values (R,)."""
    low, high = interval(draws)
    return Rate(float(value), float(low), float(high), n)


def log_odds_interval(area: float, draws: ArrayLike) -> tuple[float, float]:
    """Interval of a measure between 0 and 1 from the spread of its resampled values (R,).

    Normal on the log-odds, so that it leans towards the middle as it should, and stays inside.

    Args:
        area: In (0, 1).
    """
    spread = ndtri(np.array(ENDS) / 100) * np.nanstd(draws) / (area * (1 - area))
    low, high = expit(logit(area) + spread)
    return float(low), float(high)


def exact_interval(
    share: ArrayLike, patients: ArrayLike, ends: tuple[float, float] = ENDS
) -> tuple[np.ndarray, np.ndarray]:
    """Clopper and Pearson's interval of a share over patients (Biometrika 1934), of any shape.

    It covers the true share in at least 95 % of cohorts, whatever the share. Where films are more
    than patients the share is of films and need not be a whole number of patients: the interval
    then takes all films of a patient for one (Korn and Graubard, 1998, with the most cautious
    effective number).
    """
    hits = np.asarray(share) * np.asarray(patients)
    misses = np.asarray(patients) - hits
    low, high = (end / 100 for end in ends)
    with np.errstate(invalid="ignore"):
        return (
            np.where(hits > 0, betaincinv(np.maximum(hits, 1e-12), misses + 1, low), 0.0),
            np.where(misses > 0, betaincinv(hits + 1, np.maximum(misses, 1e-12), high), 1.0),
        )


def chosen_interval(share: float, patients: int) -> tuple[float, float]:
    """Interval of the true sensitivity of a threshold chosen for its sensitivity on these patients.

    A threshold that is the score of one of the ill is an order statistic, and the share of all ill
    above it follows a beta distribution whatever the scores (Wilks, 1941). The low end is that of
    `exact_interval`; the high end is lower, for the choice flatters.
    """
    hits = share * patients
    low, high = betaincinv(max(hits, 1e-12), patients - hits + 1, np.array(ENDS) / 100)
    return float(low), float(high)


def share_rate_of(share: float, draws: ArrayLike, patients: int, films: int) -> Rate:
    """A share with the wider of two intervals: resampled (R,), and exact over its patients.

    Both ends rise with the share and with every film that becomes a hit, so a lower threshold never
    has a lower bound of sensitivity below that of a higher one.
    """
    drawn, exact = interval(draws), exact_interval(share, patients)
    return Rate(share, float(min(drawn[0], exact[0])), float(max(drawn[1], exact[1])), films)


@lru_cache(maxsize=16)
def resamples(patients: int) -> np.ndarray:
    """(R, P) float64: how often each patient is drawn in each replicate; always the same.

    Whole numbers, kept as floats because only those are multiplied by BLAS.
    """
    generator = np.random.default_rng(0)
    drawn = generator.multinomial(patients, np.full(patients, 1 / patients), size=REPLICATES)
    return drawn.astype(float)


def number_patients(patients: np.ndarray) -> np.ndarray:
    """(N,) of any names -> (N,) int from 0 on, as columns of `resamples`."""
    return np.unique(patients, return_inverse=True)[1]


def film_weights(patients: np.ndarray) -> np.ndarray:
    """(N,) of any names -> (R, N) float64: how often each film is drawn in each replicate."""
    index = number_patients(patients)
    return resamples(int(index.max()) + 1)[:, index]


def mean_rate(values: np.ndarray, patients: np.ndarray) -> Rate:
    """The mean of a measure (N,) over films, with its interval by patient."""
    index = number_patients(patients)
    films = np.bincount(index)
    weights = resamples(len(films))
    means = weights @ np.bincount(index, values) / (weights @ films)
    return drawn_rate(values.mean(), means, len(values))
