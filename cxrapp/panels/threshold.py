"""One control a finding: its threshold or abstain band, and how far it is from where it was."""

import numpy as np
import streamlit as st

from cxrapp.model.card import Finding, ModelCard
from cxrapp.model.chain import class_names, joint_probabilities
from cxrapp.model.decision import Decision, Decisions
from cxrapp.panels.goals import offer_goals
from cxrapp.panels.points import point_at
from cxrapp.panels.saved_points import offer_saved
from cxrapp.panels.widgets import showing
from cxrapp.session.session import Session
from cxrapp.statistics.outcomes import adjust_prevalence
from cxrapp.words import capitalised, outcome_words, percent

BADGES = {"positive": "red", "negative": "blue", "undecided": "orange", "not asked": "gray"}
LOWEST, HIGHEST = 0.001, 0.999
WEAK = 0.8  # validated sensitivity below which the answer says so itself


def show_control(session: Session, card: ModelCard, decisions: Decisions | None) -> None:
    """Every finding's probability, decision and threshold.

    Args:
        decisions: Of the film on the viewer; None while they are not to be seen.
    """
    if decisions:
        _show_classes(card, decisions)
    for finding in card.findings:
        with st.container(border=True, gap="xsmall", key=f"box-{finding.name}"):
            if decisions:
                decision = decisions[card.index(finding.name)]
                _show_decision(finding, decision)
                _show_context(session, card, finding, decision)
            else:
                st.markdown(f"**{capitalised(finding.positive)}**")
            _show_slider(session, card, finding)
            words, choose = st.columns([2.4, 1], gap="xsmall", vertical_alignment="center")
            threshold = session.setting(card, finding.name).threshold
            words.caption(_distance_words(card, finding, threshold, logit=session.logit))
            with choose.popover("Set", width="stretch"):
                goal, band, saved = st.tabs(["By goal", "Abstain", "Saved"])
                with goal:
                    offer_goals(session, card, finding)
                with band:
                    _offer_band(session, card, finding)
                with saved:
                    offer_saved(session, card, finding)


def _show_classes(card: ModelCard, decisions: Decisions) -> None:
    """The answers of the whole chain: they multiply, so that they add up to 100 %."""
    names = class_names(card.findings)
    if len(names) < 3:
        return
    joint = joint_probabilities(np.array([[d.probability for d in decisions]]))[0]
    answers = " · ".join(f"{n} **{percent(p)}**" for n, p in zip(names, joint, strict=True))
    st.caption(answers, help="Probabilities along the questions, multiplied; they add up to 100 %.")


def _show_decision(finding: Finding, decision: Decision) -> None:
    given = f" if {finding.given}" if finding.given else ""
    words = ": ".join(filter(None, outcome_words(finding, decision.outcome)))
    st.markdown(
        f"**{capitalised(finding.positive)}**{given} **{percent(decision.probability)}** "
        f":{BADGES[decision.outcome]}-badge[{words}]"
    )


def _show_context(session: Session, card: ModelCard, finding: Finding, decision: Decision) -> None:
    """The probability where the reader works, and how far the answer can be trusted at all."""
    scores = card.scores("validation", finding.name)
    there, here = float(scores.labels.mean()), session.prevalence(card, finding.name)
    moved = adjust_prevalence(decision.probability, there, here)
    st.caption(
        f"**{percent(moved)}** where {100 * here:.0f}, not {100 * there:.0f}, of 100 have it",
        help="The probability above holds where the finding is as common as among the validation "
        "films. How common it is here is asked below; 10 of 100 are assumed until you say.",
    )
    point = point_at(card, "validation", finding.name, card.default_thresholds()[finding.name])
    if point.sensitivity.value < WEAK:
        found = f"{100 * point.sensitivity.value:.0f} of 100"
        st.markdown(f":small[:orange[Weak: finds {found}. Do not choose treatment by it.]]")


def to_scale(probability: float, *, logit: bool) -> float:
    """A probability on the slider's scale, rounded to its step."""
    kept = min(max(probability, LOWEST), HIGHEST)
    return round(float(np.log(kept / (1 - kept))), 2) if logit else round(kept, 3)


def from_scale(value: float, *, logit: bool) -> float:
    """The probability of a slider's value."""
    return float(1 / (1 + np.exp(-value))) if logit else value


def _show_slider(session: Session, card: ModelCard, finding: Finding) -> None:
    """The threshold, or with a band both its ends."""
    logit = session.logit
    setting = session.setting(card, finding.name)
    band = setting.abstain_from is not None
    kind = f"{'logit' if logit else 'probability'} {'band' if band else 'point'}"
    key = f"{kind} {finding.name} {card.sha256}"
    ends = (setting.abstain_from, setting.threshold) if band else (setting.threshold,)
    value = tuple(to_scale(end, logit=logit) for end in ends)

    def move() -> None:
        moved = [from_scale(float(v), logit=logit) for v in np.atleast_1d(st.session_state[key])]
        low = moved[0] if band else None
        session.change(card, finding.name, threshold=moved[-1], abstain_from=low)

    low, high, step = (-6.9, 6.9, 0.01) if logit else (LOWEST, HIGHEST, 0.001)
    st.slider(
        f"{capitalised(finding.positive)} threshold",
        low,
        high,
        step=step,
        format="%.2f" if logit else "%.3f",
        on_change=move,
        **showing(key, value if band else value[0]),
        label_visibility="collapsed",
    )


def _distance_words(card: ModelCard, finding: Finding, threshold: float, *, logit: bool) -> str:
    name, default = next(iter(card.operating_points[card.index(finding.name)].items()))
    if abs(threshold - default) < 5e-4:
        return f"At the validated point ({name[0].lower()}{name[1:]})."
    now, then = (
        point_at(card, "validation", finding.name, value) for value in (threshold, default)
    )
    gains = [
        100 * (getattr(now, measure).value - getattr(then, measure).value)
        for measure in ("sensitivity", "specificity")
    ]
    side = "above" if threshold > default else "below"
    here, there = (to_scale(value, logit=logit) for value in (threshold, default))
    return (
        f"{abs(here - there):.3g} {side} the validated {there:.3g}: sensitivity "
        f"{gains[0]:+.1f}, specificity {gains[1]:+.1f} points."
    )


def _offer_band(session: Session, card: ModelCard, finding: Finding) -> None:
    setting = session.setting(card, finding.name)
    st.caption(
        "Films that score in the band are left undecided and counted apart: somebody must look."
    )
    key = f"abstain {finding.name} {card.sha256}"

    def switch() -> None:
        low = setting.threshold / 2 if st.session_state[key] else None
        session.change(card, finding.name, abstain_from=low)

    st.toggle(
        "Abstain band below the threshold",
        on_change=switch,
        **showing(key, setting.abstain_from is not None),
    )
