"""What a setting would do among 1,000 patients of whom a known share is ill.

A cohort's own share of ill films says nothing about a clinic's: sensitivity and specificity are
carried over to the share, the prevalence, that the clinic knows.
"""

import math
from dataclasses import dataclass

import numpy as np

from cxrapp.model.scores import Scores
from cxrapp.statistics.bootstrap import Rate, share_rate

PATIENTS = 1000


@dataclass(frozen=True)
class Outcomes:
    """Counts among 1,000 patients, and two shares; 95 % intervals by patient of the cohort.

    Args:
        found, missed: Of the ill.
        false_alarms, cleared: Of the others.
        undecided: Of both: scores in the abstain band.
        ppv, npv: How many of those flagged are ill, and of those cleared are not; NaN where none
            is flagged or cleared.
    """

    found: Rate
    missed: Rate
    false_alarms: Rate
    cleared: Rate
    undecided: Rate
    ppv: Rate
    npv: Rate


def outcomes(
    scores: Scores, prevalence: float, threshold: float, abstain_from: float | None = None
) -> Outcomes:
    """Count what happens to 1,000 patients.

    Everything follows from the shares of the ill and of the others that are flagged and cleared,
    each with the one interval that a share has; so the missed are all but the found, with the
    found's interval turned round, and no count promises what the sensitivity does not.

    Args:
        scores: One finding in one cohort, with films of both kinds.
        prevalence: Share of the 1,000 who are ill, in (0, 1).
        threshold: Scores from here on are flagged.
        abstain_from: Scores from here up to the threshold are left undecided; None leaves none.
    """
    cuts = [threshold if abstain_from is None else min(abstain_from, threshold), threshold]
    said = np.searchsorted(cuts, scores.probabilities, side="right")  # cleared, undecided, flagged

    def counts(kind: np.ndarray, patients: float) -> list[Rate]:
        """Of so many patients of a kind: cleared, undecided, flagged."""
        return [
            _times(share_rate(said[kind] == answer, scores.patients[kind]), patients)
            for answer in range(3)
        ]

    missed, unsure_ill, found = counts(scores.labels, PATIENTS * prevalence)
    cleared, unsure_well, alarms = counts(~scores.labels, PATIENTS * (1 - prevalence))
    none = Rate(0.0, 0.0, 0.0, len(scores.labels))
    return Outcomes(
        found=found,
        missed=missed,
        false_alarms=alarms,
        cleared=cleared,
        undecided=none if abstain_from is None else _sum(unsure_ill, unsure_well),
        ppv=_share_of_both(found, alarms),
        npv=_share_of_both(cleared, missed),
    )


def _times(rate: Rate, number: float) -> Rate:
    return Rate(rate.value * number, rate.low * number, rate.high * number, rate.n)


def _sum(a: Rate, b: Rate) -> Rate:
    """The sum of two independent measures (Zou and Donner, 2008): their arms add as squares do."""
    value = a.value + b.value
    below = math.hypot(a.value - a.low, b.value - b.low)
    above = math.hypot(a.high - a.value, b.high - b.value)
    return Rate(
        value, max(value - below, a.low + b.low), min(value + above, a.high + b.high), a.n + b.n
    )


def _share_of_both(part: Rate, rest: Rate) -> Rate:
    """part / (part + rest), from the interval of part / rest.

    That of a ratio of independent measures by their own intervals (Donner and Zou, "Closed-form
    confidence intervals for functions of the normal mean and standard deviation", 2012, eq. 9),
    which needs no resample and holds where either count is 0.
    """
    films = part.n + rest.n
    if part.value + rest.value == 0:
        return Rate(math.nan, math.nan, math.nan, films)
    product = part.value * rest.value

    def odds(one: float, other: float, side: int) -> float:
        """An end of part / rest, made of an end of the one and the opposite end of the other."""
        scale = other * (2 * rest.value - other)
        root = math.sqrt(max(product**2 - one * (2 * part.value - one) * scale, 0))
        numerator = product + side * root
        return numerator / scale if scale else math.inf

    low, high = odds(part.low, rest.high, -1), odds(part.high, rest.low, 1)
    share = part.value / (part.value + rest.value)
    ends = (1.0 if math.isinf(end) else end / (1 + end) for end in (low, high))
    low, high = (min(max(end, 0.0), 1.0) for end in ends)
    return Rate(share, min(low, share), max(high, share), films)
