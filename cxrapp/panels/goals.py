"""Operating points by goal: those on the card, and any other a reader asks for."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle

import streamlit as st

from cxrapp.model.card import Finding, ModelCard
from cxrapp.model.scores import Scores
from cxrapp.panels.points import point_at
from cxrapp.server.bundles import BY_DIGEST
from cxrapp.session.session import Session
from cxrapp.statistics.thresholds import cost_threshold, threshold_for, youden_threshold
from cxrapp.words import capitalised, rate_words, threshold_words


@dataclass(frozen=True)
class Goal:
    """A rule that picks a threshold on the validation films.

    Args:
        help: A sentence for the reader.
        find: Films, the value asked for and the prevalence -> threshold; None where none keeps it.
        ask: Of that value: label, lowest, highest, first and step; none where it needs none.
    """

    help: str
    find: Callable[[Scores, float, float], float | None]
    ask: tuple[str, float, float, float, float] | None = None


def _cost(films: Scores, miss_cost: float, prevalence: float) -> float:
    return cost_threshold(films, prevalence=prevalence, miss_cost=miss_cost)


GOALS = {
    "Sensitivity of at least": Goal(
        "Share of the ill that must be found, by the lower bound of the 95 % interval.",
        lambda films, percent, _: threshold_for(films, sensitivity=percent / 100),
        ("%", 50.0, 99.9, 95.0, 0.5),
    ),
    "Specificity of at least": Goal(
        "Share of the others that must be left alone, by the lower bound.",
        lambda films, percent, _: threshold_for(films, specificity=percent / 100),
        ("%", 50.0, 99.9, 95.0, 0.5),
    ),
    "Youden's index": Goal(
        "Sensitivity and specificity weighed alike, whatever the prevalence.",
        lambda films, *_: youden_threshold(films),
    ),
    "Cost of a miss": Goal(
        "How many false alarms one missed patient weighs, at the prevalence counted with below.",
        _cost,
        ("False alarms a miss weighs", 0.1, 1000.0, 10.0, 0.01),
    ),
    "Net benefit": Goal(
        "The chance of illness from which on you would act; the setting with the highest "
        "net benefit for it, at the prevalence counted with below.",
        # Acting from a chance p on weighs a miss as (1 - p) / p false alarms.
        lambda films, percent, prevalence: _cost(films, 100 / percent - 1, prevalence),
        ("Act from a chance of, %", 1.0, 99.0, 10.0, 0.01),
    ),
}


def offer_goals(session: Session, card: ModelCard, finding: Finding) -> None:
    """The card's own points, and any other goal."""
    st.caption("Chosen on validation patients; goals are met by the lower bound of the interval.")
    sides = st.columns(2)
    points = card.operating_points[card.index(finding.name)]
    for side, (name, threshold) in zip(cycle(sides), points.items(), strict=False):
        side.button(
            f"{capitalised(name)}: {threshold_words(threshold)}",
            key=f"goal {finding.name} {name}",
            on_click=session.change,
            args=(card, finding.name),
            kwargs={"threshold": threshold},
            width="stretch",
        )
    key = f"goal {finding.name}"
    kind, amount = st.columns([1.2, 1])
    goal = kind.selectbox("Another goal", list(GOALS), key=key)
    ask = GOALS[goal].ask
    value = amount.number_input(*ask, key=f"{key} {goal}") if ask else 0.0
    st.caption(GOALS[goal].help)
    threshold = _search(card, finding.name, goal, value, session.counted_at(card, finding.name))
    if threshold is None:
        st.warning("The validation films are too few to show that, or no threshold keeps it.")
        return
    point = point_at(card, "validation", finding.name, threshold)
    st.caption(
        f"Threshold {threshold_words(threshold)}: sensitivity {rate_words(point.sensitivity)}, "
        f"specificity {rate_words(point.specificity)}."
    )
    st.button(
        "Use it",
        key=f"{key} use",
        on_click=session.change,
        args=(card, finding.name),
        kwargs={"threshold": threshold},
        type="primary",
    )


@st.cache_data(max_entries=200, show_spinner=False, hash_funcs=BY_DIGEST)
def _search(
    card: ModelCard, finding: str, goal: str, value: float, prevalence: float
) -> float | None:
    """The threshold for a goal; kept, because every move of a slider asks again."""
    return GOALS[goal].find(card.scores("validation", finding), value, prevalence)
