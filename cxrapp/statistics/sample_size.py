"""Are the films enough to say anything, and how many would it take to know it well?"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from cxrapp.model.scores import Scores
from cxrapp.statistics.bootstrap import number_patients

MIN_PATIENTS = 10  # of each kind; below that no measure is given at all


def too_few(scores: Scores) -> str:
    """A sentence if the films cannot carry any measure, else nothing."""
    kinds = scores.labels, ~scores.labels
    counts = [len(np.unique(scores.patients[kind])) for kind in kinds]
    if min(counts) >= MIN_PATIENTS:
        return ""
    return (
        f"Patients on films with the finding: {counts[0]:,}, on films without it: {counts[1]:,}; "
        f"with fewer than {MIN_PATIENTS} of each nothing is measured."
    )


@dataclass(frozen=True)
class FilmsNeeded:
    """Films for 95 % intervals of sensitivity and specificity of at most +- `half_width`.

    Args:
        sensitivity, specificity: What is expected.
        design_effects: Of the positive and of the negative films.
        positives, negatives: Films of each kind.
        total: As they come at the site, so that both kinds suffice; None where the share of
            positive films is unknown.
    """

    half_width: float
    sensitivity: float
    specificity: float
    design_effects: tuple[float, float]
    positives: int
    negatives: int
    total: int | None


def films_needed(
    sensitivity: float,
    specificity: float,
    share: float,
    *,
    half_width: float,
    design_effects: tuple[float, float] = (1.0, 1.0),
) -> FilmsNeeded:
    """Films of each kind: z^2 p (1 - p) / half_width^2, times the design effect.

    Buderer, "Statistical methodology: I. Incorporating the prevalence of disease into the sample
    size calculation for sensitivity and specificity" (1996). The normal approximation behind it
    asks for too few films where p is nearer to 0 or 1 than `half_width`: plan on no such p.

    Args:
        sensitivity, specificity: Expected, in (0, 1).
        share: Of positive films at the site; NaN, 0 or 1 leave the total unknown.
        half_width: Of the intervals, in (0, 0.5).
        design_effects: Of the positive and of the negative films, at least 1; see `design_effect`.
    """

    def count(expected: float, effect: float) -> int:
        variance = expected * (1 - expected)
        return _up(norm.ppf(0.975) ** 2 * variance / half_width**2 * effect)

    positives = count(sensitivity, design_effects[0])
    negatives = count(specificity, design_effects[1])
    total = None
    if 0 < share < 1:
        total = max(_up(positives / share), _up(negatives / (1 - share)))
    return FilmsNeeded(
        half_width, sensitivity, specificity, design_effects, positives, negatives, total
    )


def _up(films: float) -> int:
    return math.ceil(films - 1e-6)  # 246 / (1 - 0.9) is 2460 and a rounding error


def design_effect(hits: np.ndarray, patients: np.ndarray) -> float | None:
    """How many films of these patients tell as much as one film of a patient of its own.

    The variance of a share over patients, as a ratio, against that of independent films (Rao and
    Scott, "A simple method for the analysis of clustered binary data", 1992); at least 1.

    Args:
        hits: (N,) bool.
        patients: (N,) int.

    Returns:
        None where all films are hits or none is, or there is one patient: it cannot be estimated.
    """
    index = number_patients(patients)
    films, share = np.bincount(index), hits.mean()
    if len(films) == len(hits) > 0:
        return 1.0
    if share in (0, 1) or len(films) < 2:
        return None
    residuals = np.bincount(index, hits) - share * films
    variance = len(films) / (len(films) - 1) * (residuals**2).sum() / len(hits) ** 2
    return max(1.0, float(variance * len(hits) / (share * (1 - share))))
