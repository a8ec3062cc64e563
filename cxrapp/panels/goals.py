"""Operating points by goal: a rule, and the threshold that the validation films give for it."""

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from cxrapp.model.card import Finding, ModelCard
from cxrapp.model.scores import Scores
from cxrapp.panels.points import point_at
from cxrapp.server.bundles import BY_DIGEST
from cxrapp.session.session import Session
from cxrapp.statistics.thresholds import cost_threshold, threshold_for, youden_threshold
from cxrapp.words import rate_words, threshold_words


@dataclass(frozen=True)
class Goal:
    """A rule that picks a threshold on the validation films.

    Args:
        help: A sentence for the reader.
        find: Films, the value asked for and the prevalence -> threshold; None where none keeps it.
        ask: Of that value: lowest, highest, first and step; none where it needs none.
    """

    help: str
    find: Callable[[Scores, float, float], float | None]
    ask: tuple[float, float, float, float] | None = None


def _cost(films: Scores, miss_cost: float, prevalence: float) -> float:
    return cost_threshold(films, prevalence=prevalence, miss_cost=miss_cost)


GOALS = {
    "Sensitivity, %": Goal(
        "At least so many of those with it are found.",
        lambda films, percent, _: threshold_for(films, sensitivity=percent / 100),
        (50.0, 99.9, 95.0, 0.5),
    ),
    "Specificity, %": Goal(
        "At least so many of those without it are not flagged.",
        lambda films, percent, _: threshold_for(films, specificity=percent / 100),
        (50.0, 99.9, 95.0, 0.5),
    ),
    "Youden's index": Goal(
        "Sensitivity and specificity weighed alike, whatever the prevalence.",
        lambda films, *_: youden_threshold(films),
    ),
    "Cost of a miss": Goal(
        "How many false alarms are as bad as one missed patient, at the prevalence given below.",
        _cost,
        (0.1, 1000.0, 10.0, 0.01),
    ),
    "Net benefit, %": Goal(
        "The chance of illness from which you would act: the threshold with the highest "
        "net benefit for it, at the prevalence given below.",
        # Acting from a chance p on weighs a miss as (1 - p) / p false alarms.
        lambda films, percent, prevalence: _cost(films, 100 / percent - 1, prevalence),
        (1.0, 99.0, 10.0, 0.01),
    ),
}


def offer_goals(session: Session, card: ModelCard, finding: Finding) -> None:
    """A goal, what the threshold that meets it does, and a button to use it."""
    key = f"goal {finding.name}"
    kind, amount, use = st.columns([1.5, 1, 1], gap="xsmall", vertical_alignment="center")
    goal = kind.selectbox("Goal", list(GOALS), key=key, label_visibility="collapsed")
    ask, value = GOALS[goal].ask, 0.0
    if ask:
        value = amount.number_input(goal, *ask, key=f"{key} {goal}", label_visibility="collapsed")
    threshold = _search(card, finding.name, goal, value, session.counted_at(card, finding.name))
    if threshold is None:
        st.warning("No threshold meets that, or the validation films are too few to show it.")
        return
    point = point_at(card, "validation", finding.name, threshold)
    st.caption(
        f"{threshold_words(threshold)}: sensitivity {rate_words(point.sensitivity)}, specificity "
        f"{rate_words(point.specificity)} on validation films.",
        help=f"{GOALS[goal].help} A goal is met by the lower end of its 95 % interval.",
    )
    use.button(
        f"Use {threshold_words(threshold)}",
        key=f"{key} use",
        on_click=session.change,
        args=(card, finding.name),
        kwargs={"threshold": threshold},
        type="primary",
        width="stretch",
    )


@st.cache_data(max_entries=200, show_spinner=False, hash_funcs=BY_DIGEST)
def _search(
    card: ModelCard, finding: str, goal: str, value: float, prevalence: float
) -> float | None:
    """The threshold for a goal; kept, because every move of a slider asks again."""
    return GOALS[goal].find(card.scores("validation", finding), value, prevalence)
