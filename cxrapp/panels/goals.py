"""Operating points by goal: those on the card, and any other a reader asks for."""

from itertools import cycle

import streamlit as st

from cxrapp.model.card import Finding, ModelCard
from cxrapp.panels.points import point_at
from cxrapp.session.session import Session
from cxrapp.statistics.bootstrap import Rate
from cxrapp.statistics.thresholds import cost_threshold, threshold_for, youden_threshold

SENSITIVITY, SPECIFICITY = "Sensitivity of at least", "Specificity of at least"
YOUDEN, COST, BENEFIT = "Youden's index", "Cost of a miss", "Net benefit"
GOAL_HELP = {
    SENSITIVITY: "Share of the ill that must be found, by the lower bound of the 95 % interval.",
    SPECIFICITY: "Share of the others that must be left alone, by the lower bound.",
    YOUDEN: "Sensitivity and specificity weighed alike, whatever the prevalence.",
    COST: "How many false alarms one missed patient weighs, at the prevalence set below.",
    BENEFIT: "The chance of illness from which on you would act; the setting with the highest "
    "net benefit for it, at the prevalence set below.",
}


def offer_goals(session: Session, card: ModelCard, finding: Finding) -> None:
    """The card's own points, and any other goal."""
    st.caption("Chosen on validation patients; goals are met by the lower bound of the interval.")
    sides = st.columns(2)
    points = card.operating_points[card.index(finding.name)]
    for side, (name, threshold) in zip(cycle(sides), points.items(), strict=False):
        side.button(
            f"{name[0].upper()}{name[1:]}: {threshold:.3f}",
            key=f"goal {finding.name} {name}",
            on_click=session.change,
            args=(card, finding.name),
            kwargs={"threshold": threshold},
            width="stretch",
        )
    key = f"goal {finding.name}"
    kind, amount = st.columns([1.2, 1])
    goal = kind.selectbox("Another goal", list(GOAL_HELP), key=key)
    with amount:
        value = _ask_value(goal, key)
    st.caption(GOAL_HELP[goal])
    threshold = _threshold_by(session, card, finding, goal, value)
    if threshold is None:
        st.warning("The validation films are too few to show that, or no threshold keeps it.")
        return
    point = point_at(card, "validation", finding.name, threshold)
    st.caption(
        f"Threshold {threshold:.3f}: sensitivity {_percents(point.sensitivity)}, specificity "
        f"{_percents(point.specificity)}."
    )
    st.button(
        "Use it",
        key=f"{key} use",
        on_click=session.change,
        args=(card, finding.name),
        kwargs={"threshold": threshold},
        type="primary",
    )


def _ask_value(goal: str, key: str) -> float:
    if goal in (SENSITIVITY, SPECIFICITY):
        return st.number_input("%", 50.0, 99.9, 95.0, 0.5, key=f"{key} {goal}") / 100
    if goal == COST:
        return st.number_input("False alarms a miss weighs", 0.1, 1000.0, 10.0, key=f"{key} {goal}")
    if goal == BENEFIT:
        return (
            st.number_input("Act from a chance of, %", 1.0, 99.0, 10.0, key=f"{key} {goal}") / 100
        )
    return 0.0


def _threshold_by(
    session: Session, card: ModelCard, finding: Finding, goal: str, value: float
) -> float | None:
    prevalence = session.setting(card, finding.name).share
    return _search(card, card.sha256, finding.name, goal, value, prevalence)


@st.cache_data(max_entries=200, show_spinner=False)
def _search(
    _card: ModelCard, sha256: str, finding: str, goal: str, value: float, prevalence: float
) -> float | None:
    """The threshold for a goal; kept, because every move of a slider asks again."""
    scores = _card.scores("validation", finding)
    if goal == SENSITIVITY:
        return threshold_for(scores, sensitivity=value)
    if goal == SPECIFICITY:
        return threshold_for(scores, specificity=value)
    if goal == YOUDEN:
        return youden_threshold(scores)
    # Acting from a chance p on weighs a miss as (1 - p) / p false alarms.
    cost = value if goal == COST else (1 - value) / value
    return cost_threshold(scores, prevalence=prevalence, miss_cost=cost)


def _percents(rate: Rate) -> str:
    return f"{100 * rate.value:.1f} % ({100 * rate.low:.1f} to {100 * rate.high:.1f})"
