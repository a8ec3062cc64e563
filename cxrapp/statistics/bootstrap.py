"""95 % intervals by patient.

Films of one child are not independent, so every interval resamples patients (the cluster
bootstrap: Field and Welsh, 2007), never films.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

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
