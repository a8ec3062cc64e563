"""Where to put the threshold so that a share of the ill is found at this site."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest

from cxrapp.site.films import SiteFilms
from cxrapp.statistics.bootstrap import Rate, number_patients, resamples
from cxrapp.statistics.operating_point import OperatingPoint, operating_point, threshold_for
from cxrapp.statistics.thresholds import round_down, strictest


@dataclass(frozen=True)
class Recommendation:
    """A threshold that keeps the goal on the clinic's own films.

    Args:
        threshold: Its interval is that of the threshold that finds as large a share of the ill
            when patients are drawn anew. Where no film is missed the low end is 0: no resample
            can show how much lower the next ill patient scores.
        shown: Whether the lower bound of the sensitivity's 95 % interval keeps the goal; else only
            the sensitivity itself does.
        point: What it does on these films, which are those it was chosen on.
    """

    threshold: Rate
    shown: bool
    point: OperatingPoint


def recommend(films: SiteFilms, goal: float) -> Recommendation | None:
    """The highest threshold whose lower bound keeps the goal; else that which itself does.

    Args:
        films: Of both kinds.
        goal: Sensitivity, in (0, 1).

    Returns:
        None where only calling every film positive keeps the goal.
    """
    labels, probabilities, patients = films.scored
    choices: list[float | None] = [
        float(strictest(labels, probabilities, np.ones((1, len(labels)), int), goal)[0])
    ]
    if highest_bound(films) >= goal:
        choices.insert(0, threshold_for(labels, probabilities, patients, sensitivity=goal))
    for choice in choices:
        if choice is None:
            continue
        point = operating_point(labels, probabilities, round_down(choice), patients)
        if point.true_negatives:
            shown = len(choices) > 1 and point.sensitivity.low >= goal
            return Recommendation(_threshold_rate(films, point), shown, point)
    return None


def highest_bound(films: SiteFilms) -> float:
    """The lower bound of a sensitivity without a miss among so many patients (Clopper, Pearson).

    A resampled bound can lie above it when one or two films are missed; it proves no more than
    this.
    """
    ill = len(np.unique(films.patients[films.labels]))
    return float(binomtest(ill, ill).proportion_ci(method="exact").low)


def _threshold_rate(films: SiteFilms, point: OperatingPoint) -> Rate:
    labels, probabilities, patients = films.scored
    index = number_patients(patients)
    weights = resamples(int(index.max()) + 1)[:, index]
    drawn = strictest(labels, probabilities, weights, point.sensitivity.value)
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    if point.false_negatives == 0:
        low = 0.0
    value = point.threshold
    return Rate(value, min(float(low), value), max(float(high), value), int(labels.sum()))
