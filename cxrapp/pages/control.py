"""One control a finding: threshold, abstain band, operating points by goal and saved ones."""

from datetime import date

import numpy as np
import streamlit as st

from cxrapp.bootstrap import Rate
from cxrapp.card import Finding, ModelCard
from cxrapp.decision import (
    Decision,
    OperatingPoint,
    cost_threshold,
    operating_point,
    threshold_for,
    youden_threshold,
)
from cxrapp.errors import InvalidSettings
from cxrapp.pages.desk import Desk, heading, percent, plain
from cxrapp.pages.widgets import showing
from cxrapp.reading import class_names, joint_probabilities
from cxrapp.settings import MAX_TEXT, SavedPoint, dump_points, load_points

BADGES = {"positive": "red", "negative": "blue", "undecided": "orange", "not asked": "gray"}
LOWEST, HIGHEST = 0.001, 0.999
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


def show_control(desk: Desk, card: ModelCard, decisions: tuple[Decision, ...] | None) -> None:
    """Every finding's probability, decision and threshold.

    Args:
        decisions: Of the film on the viewer; None while they are not to be seen.
    """
    if decisions:
        _show_classes(card, decisions)
    for finding in card.findings:
        with st.container(border=True, gap="xsmall"):
            if decisions:
                _show_decision(finding, decisions[card.index(finding.name)])
            else:
                st.markdown(f"**{heading(finding)}**")
            _show_slider(desk, card, finding)
            words, choose = st.columns([2.4, 1], gap="xsmall", vertical_alignment="center")
            setting = desk.setting(card, finding.name)
            words.caption(_distance_words(card, finding, setting.threshold))
            with choose.popover("Set", width="stretch"):
                goal, band, saved = st.tabs(["By goal", "Abstain", "Saved"])
                with goal:
                    _offer_goals(desk, card, finding)
                with band:
                    _offer_band(desk, card, finding)
                with saved:
                    _offer_saved(desk, card, finding)


def _show_classes(card: ModelCard, decisions: tuple[Decision, ...]) -> None:
    """The answers of the whole chain: they multiply, so that they add up to 100 %."""
    try:
        names = class_names(card.findings)
    except ValueError:
        return  # questions that do not follow each other have no common answer
    if len(names) < 3:
        return
    joint = joint_probabilities(np.array([[d.probability for d in decisions]]))[0]
    shares = " · ".join(f"{n} **{percent(p)}**" for n, p in zip(names, joint, strict=True))
    st.caption(shares, help="Probabilities along the questions, multiplied; they add up to 100 %.")


def _show_decision(finding: Finding, decision: Decision) -> None:
    words = {
        "positive": f"positive: {finding.positive}",
        "negative": f"negative: {finding.negative}",
        "undecided": "undecided",
        "not asked": f"not asked without {finding.given}",
    }[decision.outcome]
    given = f" if {finding.given}" if finding.given else ""
    st.markdown(
        f"**{heading(finding)}**{given} **{percent(decision.probability)}** "
        f":{BADGES[decision.outcome]}-badge[{words}]"
    )


def to_scale(probability: float, scale: str) -> float:
    """A probability on the slider's scale, rounded to its step."""
    if scale == "Probability":
        return round(min(max(probability, LOWEST), HIGHEST), 3)
    probability = min(max(probability, LOWEST), HIGHEST)
    return round(float(np.log(probability / (1 - probability))), 2)


def from_scale(value: float, scale: str) -> float:
    """The probability of a slider's value."""
    return value if scale == "Probability" else float(1 / (1 + np.exp(-value)))


def _show_slider(desk: Desk, card: ModelCard, finding: Finding) -> None:
    """The threshold, or with a band both its ends."""
    scale = st.session_state.get("scale") or "Probability"
    setting = desk.setting(card, finding.name)
    band = setting.abstain_from is not None
    key = f"{scale} {'band' if band else 'point'} {finding.name} {card.sha256}"
    ends = (setting.abstain_from, setting.threshold) if band else (setting.threshold,)
    value = tuple(to_scale(end, scale) for end in ends)

    def move() -> None:
        moved = [from_scale(float(v), scale) for v in np.atleast_1d(st.session_state[key])]
        low = moved[0] if band else None
        desk.change(card, finding.name, threshold=moved[-1], abstain_from=low)

    low, high, step = (LOWEST, HIGHEST, 0.001) if scale == "Probability" else (-6.9, 6.9, 0.01)
    st.slider(
        f"{heading(finding)} threshold",
        low,
        high,
        step=step,
        format="%.3f" if scale == "Probability" else "%.2f",
        on_change=move,
        **showing(key, value if band else value[0]),
        label_visibility="collapsed",
    )


def _distance_words(card: ModelCard, finding: Finding, threshold: float) -> str:
    name, default = next(iter(card.operating_points[card.index(finding.name)].items()))
    if abs(threshold - default) < 5e-4:
        return f"At the validated point ({name[0].lower()}{name[1:]})."
    now, then = (_validated(card, finding, value) for value in (threshold, default))
    gains = [
        100 * (getattr(now, measure).value - getattr(then, measure).value)
        for measure in ("sensitivity", "specificity")
    ]
    side = "above" if threshold > default else "below"
    return (
        f"{abs(threshold - default):.3f} {side} the validated {default:.3f}: sensitivity "
        f"{gains[0]:+.1f}, specificity {gains[1]:+.1f} points."
    )


def _validated(card: ModelCard, finding: Finding, threshold: float) -> OperatingPoint:
    scores = card.scores("validation", finding.name)
    return operating_point(scores.labels, scores.probabilities, threshold, scores.patients)


def _offer_goals(desk: Desk, card: ModelCard, finding: Finding) -> None:
    """The card's own points, and any other goal."""
    st.caption("Chosen on validation patients; goals are met by the lower bound of the interval.")
    for name, threshold in card.operating_points[card.index(finding.name)].items():
        st.button(
            f"{name[0].upper()}{name[1:]}: {threshold:.3f}",
            key=f"goal {finding.name} {name}",
            on_click=desk.change,
            args=(card, finding.name),
            kwargs={"threshold": threshold},
            width="stretch",
        )
    key = f"goal {finding.name}"
    goal = st.selectbox("Another goal", list(GOAL_HELP), key=key)
    st.caption(GOAL_HELP[goal])
    value = _ask_value(goal, key)
    threshold = _threshold_by(desk, card, finding, goal, value)
    if threshold is None:
        st.warning("The validation films are too few to show that, or no threshold keeps it.")
        return
    point = _validated(card, finding, threshold)
    st.caption(
        f"Threshold {threshold:.3f}: sensitivity {_percents(point.sensitivity)}, specificity "
        f"{_percents(point.specificity)}."
    )
    st.button(
        "Use it",
        key=f"{key} use",
        on_click=desk.change,
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
    desk: Desk, card: ModelCard, finding: Finding, goal: str, value: float
) -> float | None:
    prevalence = desk.setting(card, finding.name).prevalence
    return _search(card, card.sha256, finding.name, goal, value, prevalence)


@st.cache_data(max_entries=200, show_spinner=False)
def _search(
    _card: ModelCard, sha256: str, finding: str, goal: str, value: float, prevalence: float
) -> float | None:
    """The threshold for a goal; kept, because every move of a slider asks again."""
    scores = _card.scores("validation", finding)
    labels, probabilities = scores.labels, scores.probabilities
    if goal == SENSITIVITY:
        return threshold_for(labels, probabilities, scores.patients, sensitivity=value)
    if goal == SPECIFICITY:
        return threshold_for(labels, probabilities, scores.patients, specificity=value)
    if goal == YOUDEN:
        return youden_threshold(labels, probabilities)
    # Acting from a chance p on weighs a miss as (1 - p) / p false alarms.
    cost = value if goal == COST else (1 - value) / value
    return cost_threshold(labels, probabilities, prevalence=prevalence, miss_cost=cost)


def _offer_band(desk: Desk, card: ModelCard, finding: Finding) -> None:
    setting = desk.setting(card, finding.name)
    st.caption(
        "Films that score in the band are left undecided and counted apart: somebody must look."
    )
    key = f"abstain {finding.name} {card.sha256}"

    def switch() -> None:
        low = setting.threshold / 2 if st.session_state[key] else None
        desk.change(card, finding.name, abstain_from=low)

    st.toggle(
        "Abstain band below the threshold",
        on_change=switch,
        **showing(key, setting.abstain_from is not None),
    )


def _offer_saved(desk: Desk, card: ModelCard, finding: Finding) -> None:
    """Points of this finding to use, to save and to load; one file holds those of all findings."""
    points = desk.saved.setdefault(card.sha256, [])
    for number, point in enumerate(points):
        if point.finding != finding.name:
            continue
        st.button(
            f"{plain(point.name)}: {point.threshold:.3f}",
            key=f"saved {card.sha256} {number}",
            help=plain(f"{point.saved} {point.note}"),
            on_click=desk.change,
            args=(card, finding.name),
            kwargs={"threshold": point.threshold, "abstain_from": point.abstain_from},
            width="stretch",
        )
    key = f"save {finding.name}"
    with st.form(f"{key} form", clear_on_submit=True, border=False):
        st.text_input("Name", max_chars=80, key=f"{key} name")
        st.text_input("Why", max_chars=MAX_TEXT, key=f"{key} note")
        st.form_submit_button("Save this point", on_click=_save, args=(desk, card, finding, key))
    if points:
        st.download_button(
            "Save all to a file",
            dump_points(card, points),
            f"{card.name}-settings.json",
            "application/json",
            key=f"{key} file",
            on_click="ignore",
            width="stretch",
        )
    st.file_uploader(
        "Load a settings file",
        key=f"{key} upload",
        max_upload_size=1,
        on_change=_load,
        args=(desk, card, f"{key} upload"),
    )
    if fault := st.session_state.get(f"{key} upload fault"):
        st.error(fault)


def _save(desk: Desk, card: ModelCard, finding: Finding, key: str) -> None:
    name, note = (st.session_state[f"{key} {part}"] for part in ("name", "note"))
    if name:
        at, day = desk.setting(card, finding.name), date.today().isoformat()
        point = SavedPoint(finding.name, name, at.threshold, at.abstain_from, note, day)
        desk.saved[card.sha256].append(point)


def _load(desk: Desk, card: ModelCard, key: str) -> None:
    """Take in the points of a settings file, or say why not."""
    uploaded, fault = st.session_state[key], None
    if uploaded:
        try:
            loaded = load_points(card, uploaded.getvalue().decode("utf-8", "replace"))
            points = desk.saved[card.sha256]
            points += [point for point in loaded if point not in points]
        except InvalidSettings as error:
            fault = str(error)
    st.session_state[f"{key} fault"] = fault


def _percents(rate: Rate) -> str:
    return f"{100 * rate.value:.1f} % ({100 * rate.low:.1f} to {100 * rate.high:.1f})"
