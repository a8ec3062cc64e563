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
from cxrapp.statistics.prevalence import calibrated_to, on_ward
from cxrapp.words import capitalised, outcome_words, percent, rate_words, share_words

BADGES = {"positive": "red", "negative": "blue", "undecided": "orange", "not asked": "gray"}
LOWEST, HIGHEST = 0.001, 0.999
WEAK = 0.8  # sensitivity on any cohort below which the answer says so itself


def show_control(
    session: Session, card: ModelCard, decisions: Decisions | None, cohort: str
) -> None:
    """Every finding's probability, decision and threshold.

    Args:
        cohort: Whose films the settings are held against.
        decisions: Of the film on the viewer; None while they are not to be seen.
    """
    ward = session.ward(card)
    local = on_ward(card, [d.probability for d in decisions], ward) if decisions else ()
    if decisions:
        _show_classes(card, local)
    for finding in card.findings:
        with st.container(border=True, gap="xsmall", key=f"box-{finding.name}"):
            if decisions:
                decision = decisions[card.index(finding.name)]
                _show_decision(finding, decision, local[card.index(finding.name)])
                _show_context(card, finding, decision, ward.get(finding.name))
            else:
                st.markdown(f"**{capitalised(finding.positive)}**")
            _show_slider(session, card, finding)
            words, choose = st.columns([2.4, 1], gap="xsmall", vertical_alignment="center")
            threshold = session.setting(card, finding.name).threshold
            words.caption(
                _distance_words(card, finding, threshold, cohort, logit=session.logit),
                help=_performance_words(card, finding, threshold),
            )
            with choose.popover("Set", width="stretch"):
                goal, band, saved = st.tabs(["By goal", "Abstain", "Saved"])
                with goal:
                    offer_goals(session, card, finding)
                with band:
                    _offer_band(session, card, finding)
                with saved:
                    offer_saved(session, card, finding)


def _show_classes(card: ModelCard, probabilities: tuple[float, ...]) -> None:
    """The answers of the whole chain: they multiply, so that they add up to 100 %."""
    names = class_names(card.findings)
    if len(names) < 3:
        return
    joint = joint_probabilities(np.array([probabilities]))[0]
    answers = " · ".join(f"{n} **{percent(p)}**" for n, p in zip(names, joint, strict=True))
    st.caption(answers, help="Probabilities along the questions, multiplied; they add up to 100 %.")


def _show_decision(finding: Finding, decision: Decision, probability: float) -> None:
    """The one probability to read: the ward's, where the reader has said how common it is there."""
    given = f" if {finding.given}" if finding.given else ""
    words = ": ".join(filter(None, outcome_words(finding, decision.outcome)))
    st.markdown(
        f"**{capitalised(finding.positive)}**{given} **{percent(probability)}** "
        f":{BADGES[decision.outcome]}-badge[{words}]"
    )


def _show_context(
    card: ModelCard, finding: Finding, decision: Decision, prevalence: float | None
) -> None:
    """Where the probability holds, and how far the answer can be trusted at all."""
    there = share_words(calibrated_to(card, finding.name))
    if prevalence is None:
        words = f"where {there} have it, as among the validation films"
    else:
        words = (
            f"where {share_words(prevalence)} have it; **{percent(decision.probability)}** as "
            f"calibrated, where {there} have it"
        )
    st.caption(
        words,
        help="How common it is on your ward is asked below; the probability and the answers above "
        "follow it. The threshold is held against the probability as calibrated.",
    )
    threshold = card.default_thresholds()[finding.name]
    found = [point_at(card, c, finding.name, threshold).sensitivity.value for c in card.cohorts]
    if min(found) < WEAK:
        st.markdown(
            f":small[:orange[Weak: finds {share_words(min(found))}. Do not choose treatment by "
            "it.]]"
        )


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


def _distance_words(
    card: ModelCard, finding: Finding, threshold: float, cohort: str, *, logit: bool
) -> str:
    """How far the threshold is from the card's, and what that changes on the cohort's films."""
    name, default = next(iter(card.operating_points[card.index(finding.name)].items()))
    if abs(threshold - default) < 5e-4:
        points = {one: point_at(card, one, finding.name, default) for one in card.cohorts}
        found = ", ".join(
            f"{100 * at.sensitivity.value:.0f} and {100 * at.specificity.value:.0f} % on {one}"
            for one, at in points.items()
        )
        return (
            f"At the point chosen on validation films ({name[0].lower()}{name[1:]}): sensitivity "
            f"and specificity {found} films."
        )
    now, then = (point_at(card, cohort, finding.name, value) for value in (threshold, default))
    gains = [
        100 * (getattr(now, measure).value - getattr(then, measure).value)
        for measure in ("sensitivity", "specificity")
    ]
    side = "above" if threshold > default else "below"
    here, there = (to_scale(value, logit=logit) for value in (threshold, default))
    return (
        f"{abs(here - there):.3g} {side} the {there:.3g} chosen on validation films: sensitivity "
        f"{gains[0]:+.1f}, specificity {gains[1]:+.1f} points on {cohort} films."
    )


def _performance_words(card: ModelCard, finding: Finding, threshold: float) -> str:
    """What the threshold does on every cohort, with 95 % intervals."""
    points = {one: point_at(card, one, finding.name, threshold) for one in card.cohorts}
    return " ".join(
        f"On {one} films: sensitivity {rate_words(point.sensitivity)}, specificity "
        f"{rate_words(point.specificity)}."
        for one, point in points.items()
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
