"""The films a clinic would need, planned on what is known: its own films, else the card."""

import numpy as np

from cxrapp.model.card import ModelCard
from cxrapp.site.films import SiteFilms
from cxrapp.statistics.operating_point import OperatingPoint, operating_point
from cxrapp.statistics.sample_size import FilmsNeeded, design_effect, films_needed


def plan_by_card(
    card: ModelCard, finding: str, films: SiteFilms, half_width: float
) -> tuple[FilmsNeeded, str]:
    """Plan on the bundle's test films, where the clinic's own are too few; and why, in words."""
    scores = card.scores("test", finding)
    threshold = card.default_thresholds()[finding]
    point = operating_point(scores.labels, scores.probabilities, threshold, scores.patients)
    expected = _expected(point, half_width)
    needed = films_needed(*expected, _share(films), half_width=half_width)
    return needed, (
        f"Planned on what the bundle did on its test films: {_name(expected)}. The design effect "
        "of several films a patient is taken as 1."
    )


def plan_by_films(
    films: SiteFilms, point: OperatingPoint, half_width: float
) -> tuple[FilmsNeeded, str]:
    """Plan on the clinic's own films at a threshold; and why, in words."""
    labels, probabilities, patients = films.scored
    called = probabilities >= point.threshold
    effects = [
        design_effect(called[labels], patients[labels]),
        design_effect(~called[~labels], patients[~labels]),
    ]
    expected = _expected(point, half_width)
    needed = films_needed(
        *expected,
        _share(films),
        half_width=half_width,
        design_effects=(effects[0] or 1.0, effects[1] or 1.0),
    )
    return needed, (
        f"Planned on what the threshold {point.threshold:.3f} does on these films: "
        f"{_name(expected)}. {_explain(films, effects)}"
    )


def _explain(films: SiteFilms, effects: list[float | None]) -> str:
    if len(np.unique(films.patients)) == len(films.patients):
        return "Every film counts as a patient of its own, so the design effect is 1."
    words = [
        "1 (it cannot be estimated on these)" if effect is None else f"{effect:.2f} (estimated)"
        for effect in effects
    ]
    return (
        "The design effect of several films a patient is "
        f"{words[0]} for positive films and {words[1]} for negative films."
    )


def _expected(point: OperatingPoint, half_width: float) -> tuple[float, float]:
    """Sensitivity and specificity to plan on, no nearer to 0 or 1 than `half_width`: the interval
    of a share that is expected at 1 would need no film at all."""
    rates = point.sensitivity, point.specificity
    sensitivity, specificity = (min(max(r.value, half_width), 1 - half_width) for r in rates)
    return sensitivity, specificity


def _share(films: SiteFilms) -> float:
    return float(films.labels.mean()) if len(films.labels) else float("nan")


def _name(expected: tuple[float, float]) -> str:
    return f"sensitivity {100 * expected[0]:.1f} % and specificity {100 * expected[1]:.1f} %"
