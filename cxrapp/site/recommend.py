"""What a clinic is advised: where to put the threshold, and how many more films it needs.

Films are planned for on what is known: the clinic's own films, else the card.
"""

from dataclasses import dataclass, replace

import numpy as np

from cxrapp.model.card import ModelCard
from cxrapp.model.scores import Scores
from cxrapp.statistics.bootstrap import (
    TAIL,
    Rate,
    chosen_interval,
    design_effect,
    film_weights,
    interval,
)
from cxrapp.statistics.operating_point import OperatingPoint, operating_point
from cxrapp.statistics.sample_size import FilmsNeeded, films_needed
from cxrapp.statistics.thresholds import round_down, strictest, threshold_for
from cxrapp.words import threshold_words


@dataclass(frozen=True)
class Recommendation:
    """A threshold that keeps the goal on the clinic's own films.

    Args:
        threshold: Its interval is that of the threshold that finds as large a share of the ill
            when patients are drawn anew. Where so few are missed that none might have been, the
            low end is 0: no film can show how much lower the next ill patient scores.
        shown: Whether the lower bound of the sensitivity's 95 % interval keeps the goal; else only
            the sensitivity itself does. Wrong for at most 2.5 % of clinics.
        point: What it does on these films. The interval of its sensitivity is that of a threshold
            chosen on them.
    """

    threshold: Rate
    shown: bool
    point: OperatingPoint


def recommend(films: Scores, goal: float) -> Recommendation | None:
    """The highest threshold whose lower bound keeps the goal; else that which itself does.

    Args:
        films: Of both kinds.
        goal: Sensitivity, in (0, 1).

    Returns:
        None where only calling every film positive keeps the goal.
    """
    once = np.ones((1, len(films.labels)), int)
    choices = threshold_for(films, sensitivity=goal), float(strictest(films, once, goal)[0])
    for choice in choices:
        if choice is None:
            continue
        point = _point_at_choice(films, round_down(choice))
        if point.true_negatives:
            shown = point.sensitivity.low >= goal
            return Recommendation(_threshold_rate(films, point), shown, point)
    return None


def _point_at_choice(films: Scores, threshold: float) -> OperatingPoint:
    """What a threshold does on the films it was chosen on: its sensitivity's interval says so."""
    point, ill = operating_point(films, threshold), films.labels
    found = point.sensitivity
    low, high = chosen_interval(films.probabilities[ill] >= threshold, films.patients[ill])
    return replace(point, sensitivity=replace(found, low=low, high=max(high, found.value)))


def _threshold_rate(films: Scores, point: OperatingPoint) -> Rate:
    found = point.sensitivity.value
    low, high = interval(strictest(films, film_weights(films.patients), found))
    patients = len(np.unique(films.patients[films.labels]))
    if found**patients > TAIL:  # the chance that none of so many were missed
        low = 0.0
    value = point.threshold
    return Rate(value, min(float(low), value), max(float(high), value), int(films.labels.sum()))


def plan_by_card(
    card: ModelCard, finding: str, films: Scores, half_width: float
) -> tuple[FilmsNeeded, str]:
    """Plan on the bundle's test films, where the clinic's own are too few; and why, in words."""
    scores = card.scores("test", finding)
    threshold = card.default_thresholds()[finding]
    point = operating_point(scores, threshold)
    expected = _expected(point, half_width)
    needed = films_needed(*expected, _share(films), half_width=half_width)
    return needed, (
        f"Planned on what the bundle did on its test films: {_name(expected)}. The design effect "
        "of several films a patient is taken as 1."
    )


def plan_by_films(
    films: Scores, point: OperatingPoint, half_width: float
) -> tuple[FilmsNeeded, str]:
    """Plan on the clinic's own films at a threshold; and why, in words."""
    labels, patients = films.labels, films.patients
    called = films.probabilities >= point.threshold
    effects = (
        design_effect(called[labels], patients[labels]),
        design_effect(~called[~labels], patients[~labels]),
    )
    expected = _expected(point, half_width)
    needed = films_needed(*expected, _share(films), half_width=half_width, design_effects=effects)
    return needed, (
        f"Planned on what the threshold {threshold_words(point.threshold)} does on these films: "
        f"{_name(expected)}. {_explain(films, effects)}"
    )


def _explain(films: Scores, effects: tuple[float, float]) -> str:
    if len(np.unique(films.patients)) == len(films.patients):
        return "Every film counts as a patient of its own, so the design effect is 1."
    return (
        f"The design effect of several films a patient is {effects[0]:.2f} for positive films and "
        f"{effects[1]:.2f} for negative films."
    )


def _expected(point: OperatingPoint, half_width: float) -> tuple[float, float]:
    """Sensitivity and specificity to plan on, no nearer to 0 or 1 than `half_width`: the interval
    of a share that is expected at 1 would need no film at all."""
    rates = point.sensitivity, point.specificity
    sensitivity, specificity = (min(max(r.value, half_width), 1 - half_width) for r in rates)
    return sensitivity, specificity


def _share(films: Scores) -> float:
    return float(films.labels.mean()) if len(films.labels) else float("nan")


def _name(expected: tuple[float, float]) -> str:
    return f"sensitivity {100 * expected[0]:.1f} % and specificity {100 * expected[1]:.1f} %"
