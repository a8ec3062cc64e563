"""What every statistic is made from: labels, probabilities and patients. No torch."""

from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Scores:
    """One finding on films where it is defined; made by `Cohort.scores` and `ModelCard.scores`.

    Args:
        labels: (N,) bool.
        probabilities: (N,) float64 in [0, 1], calibrated. Where only the order counts, as for
            areas and thresholds, any score will do.
        patients: (N,) of any names; films of one patient are resampled together.
    """

    labels: np.ndarray
    probabilities: np.ndarray
    patients: np.ndarray

    @property
    def log_odds(self) -> np.ndarray:
        """(N,) float64 of the probabilities, which are kept off 0 and 1 by 1e-15."""
        kept = np.clip(self.probabilities, 1e-15, 1 - 1e-15)
        return np.log(kept / (1 - kept))

    def subset(self, chosen: np.ndarray) -> "Scores":
        """The films marked in `chosen`, (N,) bool."""
        return Scores(self.labels[chosen], self.probabilities[chosen], self.patients[chosen])

    def by(self, probabilities: np.ndarray) -> "Scores":
        """The same films scored otherwise, (N,) float64."""
        return replace(self, probabilities=probabilities)
