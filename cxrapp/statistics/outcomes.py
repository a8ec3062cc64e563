"""What a setting would do among 1,000 patients of whom a known share is ill.

A cohort's own share of ill films says nothing about a clinic's: sensitivity and specificity are
carried over to the share, the prevalence, that the clinic knows.
"""

from dataclasses import dataclass, fields

import numpy as np

from cxrapp.model.scores import Scores
from cxrapp.statistics.bootstrap import Rate, interval, number_patients, resamples

PATIENTS = 1000


@dataclass(frozen=True)
class Outcomes:
    """Counts among 1,000 patients, and two shares; 95 % intervals by patient of the cohort.

    Args:
        found, missed: Of the ill.
        false_alarms, cleared: Of the others.
        undecided: Of both: scores in the abstain band.
        ppv, npv: How many of those flagged are ill, and of those cleared are not.
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

    Args:
        scores: One finding in one cohort, with films of both kinds.
        prevalence: Share of the 1,000 who are ill, in (0, 1).
        threshold: Scores from here on are flagged.
        abstain_from: Scores from here up to the threshold are left undecided; None leaves none.
    """
    cuts = [threshold if abstain_from is None else min(abstain_from, threshold), threshold]
    said = np.searchsorted(cuts, scores.probabilities, side="right")  # cleared, undecided, flagged
    index = number_patients(scores.patients)
    by_patient = np.zeros((index.max() + 1, 2, 3))  # patient, well or ill, said
    np.add.at(by_patient, (index, scores.labels.astype(int), said), 1)
    counts = by_patient.sum(0)
    drawn = (resamples(len(by_patient)) @ by_patient.reshape(-1, 6)).reshape(-1, 2, 3)
    drawn = drawn[(drawn.sum(2) > 0).all(1)]
    shares = drawn / drawn.sum(2, keepdims=True)
    # No resample shows what never happened; Jeffreys' posterior over patients says it may.
    patients = (by_patient.sum(2) > 0).sum(0)
    generator = np.random.default_rng(0)
    for kind, cell in np.argwhere(counts == 0):
        if cell != 1 or abstain_from is not None:
            shares[:, kind, cell] = generator.beta(0.5, patients[kind] + 0.5, len(shares))
    value = _measure(counts[None] / counts.sum(1)[None, :, None], prevalence)[0]
    low, high = interval(_measure(shares, prevalence))
    rates = zip(value, np.minimum(low, value), np.maximum(high, value), strict=True)
    names = [field.name for field in fields(Outcomes)]
    films = len(scores.labels)
    return Outcomes(
        **{name: Rate(*map(float, rate), films) for name, rate in zip(names, rates, strict=True)}
    )


def _measure(shares: np.ndarray, prevalence: float) -> np.ndarray:
    """Shares (R, 2, 3) of what is said of the well and the ill -> (R, 7) as `Outcomes` has them."""
    patients = shares * PATIENTS * np.array([1 - prevalence, prevalence])[None, :, None]
    (cleared, _, alarms), (missed, _, found) = patients.transpose(1, 2, 0)
    undecided = patients[:, :, 1].sum(1)
    with np.errstate(invalid="ignore"):  # of none flagged, no share is ill
        ppv, npv = found / (found + alarms), cleared / (cleared + missed)
    return np.column_stack([found, missed, alarms, cleared, undecided, ppv, npv])


def adjust_prevalence(probability: float, measured: float, used: float) -> float:
    """A probability where the finding is more or less common (Saerens et al., 2002).

    Holds where ill and well look as they did where it was calibrated, only their share differs.

    Args:
        probability: Calibrated where a share `measured` has the finding.
        measured, used: Shares in (0, 1).
    """
    odds = used / (1 - used) * (1 - measured) / measured
    return odds * probability / (odds * probability + 1 - probability)
