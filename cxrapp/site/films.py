"""The labelled films of one finding, and whether there are enough of them to say anything."""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

MIN_PATIENTS = 10  # of each kind; below that no measure is given at all


@dataclass(frozen=True)
class SiteFilms:
    """Films on which a finding is defined and labelled.

    Args:
        labels: (N,) bool.
        log_odds: (N,) float64, of the bundle's calibrated probability.
        patients: (N,) int.
    """

    labels: np.ndarray
    log_odds: np.ndarray
    patients: np.ndarray

    @property
    def scored(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Labels, probabilities (N,) float64 and patients, as measures of a cohort want them."""
        return self.labels, expit(self.log_odds), self.patients


def too_few(labels: np.ndarray, patients: np.ndarray) -> str:
    """A sentence if the films cannot carry any measure, else nothing.

    Args:
        labels: (N,) bool.
        patients: (N,) int.
    """
    counts = [len(np.unique(patients[kind])) for kind in (labels, ~labels)]
    if min(counts) >= MIN_PATIENTS:
        return ""
    return (
        f"Patients on films with the finding: {counts[0]:,}, on films without it: {counts[1]:,}; "
        f"with fewer than {MIN_PATIENTS} of each nothing is measured."
    )
