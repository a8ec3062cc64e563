"""95 % intervals by patient.

Films of one child are not independent, so every interval resamples patients (the cluster
bootstrap: Field and Welsh, 2007), never films.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

REPLICATES = 2000


@dataclass(frozen=True)
class Rate:
    """A measure: value, 95 % interval, and the number of films it rests on."""

    value: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


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


def mean_rate(values: np.ndarray, patients: np.ndarray) -> Rate:
    """The mean of a measure (N,) over films, with its interval by patient."""
    index = number_patients(patients)
    films = np.bincount(index)
    weights = resamples(len(films))
    means = weights @ np.bincount(index, values) / (weights @ films)
    low, high = np.percentile(means, [2.5, 97.5])
    return Rate(float(values.mean()), float(low), float(high), len(values))
