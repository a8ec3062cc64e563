"""Are the films enough to say anything, and how many would it take to know it well?"""

import math
from bisect import bisect_left
from dataclasses import dataclass

import numpy as np

from cxrapp.model.scores import Scores
from cxrapp.statistics.bootstrap import TAIL, share_interval

MIN_PATIENTS = 10  # of each kind; below that no measure is given at all
MOST = 10**7  # films that anybody is told to gather


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
    """Films of each kind that make the interval of a share so narrow, times the design effect.

    By the interval that is shown. The normal approximation that is usual
    (Buderer, 1996) asks for 73 films where 94 are needed: sensitivity 95 % to within 5 points.

    Args:
        sensitivity, specificity: Expected, in [0, 1].
        share: Of positive films at the site; NaN, 0 or 1 leave the total unknown.
        half_width: Of the intervals, in (0, 0.5).
        design_effects: Of the positive and of the negative films, at least 1; see `design_effect`.
    """
    positives = _up(design_effects[0] * _count(sensitivity, half_width))
    negatives = _up(design_effects[1] * _count(specificity, half_width))
    total = None
    if 0 < share < 1:
        total = max(_up(positives / share), _up(negatives / (1 - share)))
    return FilmsNeeded(
        half_width, sensitivity, specificity, design_effects, positives, negatives, total
    )


def _count(expected: float, half_width: float) -> int:
    """The fewest films, one a patient, from which on the interval is no wider than that."""

    def narrowness(films: int) -> float:
        low, high = share_interval(expected, films)
        return (low - high) / 2

    return 1 + bisect_left(range(1, MOST), -half_width, key=narrowness)


def patients_to_show(goal: float) -> int:
    """The fewest ill patients whose exact lower bound reaches a sensitivity, none being missed."""
    return _up(math.log(TAIL) / math.log(goal))


def _up(films: float) -> int:
    return math.ceil(films - 1e-6)  # 246 / (1 - 0.9) is 2460 and a rounding error
