"""One control a finding: its threshold or abstain band, and how far it is from where it was."""

import numpy as np
import streamlit as st

from cxrapp.figures.decisions import shown_as
from cxrapp.model.card import Finding, ModelCard
from cxrapp.model.chain import class_names, joint_probabilities
from cxrapp.model.decision import Decision, Decisions
from cxrapp.panels.goals import offer_goals
from cxrapp.panels.points import point_at
from cxrapp.panels.saved_points import offer_saved
from cxrapp.panels.widgets import show_decision, showing
from cxrapp.report.release import weakness
from cxrapp.session.session import Session
from cxrapp.statistics.prevalence import calibrated_to, on_ward
from cxrapp.words import (
    capitalised,
    outcome_words,
    percent,
    rate_words,
    share_words,
    threshold_words,
    weak_words,
)

LOWEST, HIGHEST = 0.001, 0.999
TOOLS_HEIGHT = 116  # pixels: whatever is open among the tools, what they change stays in place


def show_verdicts(session: Session, card: ModelCard, decisions: Decisions) -> None:
    """Every finding's decision and probability, as far as it was asked, in one line each."""
    ward = session.ward(card)
    local = on_ward(card, [d.probability for d in decisions], ward)
    for finding, decision, probability in zip(card.findings, decisions, local, strict=True):
        _show_verdict(card, finding, decision, probability, ward.get(finding.name))


def show_control(
    session: Session, card: ModelCard, finding: Finding, cohort: str, probabilities: list[float]
) -> None:
    """The finding's threshold, and plain ways to set it.

    Args:
        cohort: Whose films the setting is held against.
        probabilities: Of the films on the worklist that are asked for this finding.
    """
    _show_slider(session, card, finding)
    point, goal, band, saved = st.tabs(
        ["Point", "By goal", "Undecided", "Saved"], height=TOOLS_HEIGHT
    )
    with point:
        _show_point(session, card, finding, cohort)
    with goal:
        offer_goals(session, card, finding)
    with band:
        _offer_band(session, card, finding, probabilities)
    with saved:
        offer_saved(session, card, finding)


def show_classes(session: Session, card: ModelCard, decisions: Decisions) -> None:
    """The answers of the whole chain, where all of it was asked: they multiply, so that they add
    up to 100 %."""
    names = class_names(card.findings)
    if len(names) < 3 or decisions[-1].outcome == "not asked":
        return
    probabilities = on_ward(card, [d.probability for d in decisions], session.ward(card))
    joint = joint_probabilities(np.array([probabilities]))[0]
    answers = " · ".join(f"{n} **{percent(p)}**" for n, p in zip(names, joint, strict=True))
    st.caption(answers, help="Probabilities along the questions, multiplied; they add up to 100 %.")


def _show_verdict(
    card: ModelCard,
    finding: Finding,
    decision: Decision,
    probability: float,
    prevalence: float | None,
) -> None:
    """The one probability to read: the ward's, where the reader has said how common it is there."""
    words = ": ".join(filter(None, outcome_words(finding, decision.outcome)))
    number = "" if decision.outcome == "not asked" else percent(probability)
    given = f"if {finding.given}" if finding.given else ""
    shown = shown_as(finding, decision.outcome)
    show_decision(capitalised(finding.positive), shown, words, number, given)
    if not number:
        return
    there = share_words(calibrated_to(card, finding.name))
    if prevalence is not None:
        how = (
            "How common it is on your ward is asked below, and the probability above follows it. "
            f"The threshold is held against that as calibrated, where {there} have it."
        )
        st.html(
            f'<div class="aside" title="{how}">where {share_words(prevalence)} have it; '
            f"<b>{percent(decision.probability)}</b> as calibrated</div>"
        )
    if found := weakness(card, finding.name):
        st.html(f'<div class="notice undecided">{weak_words(found)}</div>')


def to_scale(probability: float, *, logit: bool) -> float:
    """A probability on the slider's scale, log-odds or per cent, rounded to its step."""
    kept = min(max(probability, LOWEST), HIGHEST)
    return round(float(np.log(kept / (1 - kept))), 2) if logit else round(100 * kept, 1)


def from_scale(value: float, *, logit: bool) -> float:
    """The probability of a slider's value."""
    return float(1 / (1 + np.exp(-value))) if logit else round(value / 100, 3)


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

    low, high, step = (-6.9, 6.9, 0.01) if logit else (100 * LOWEST, 100 * HIGHEST, 0.1)
    st.slider(
        f"{capitalised(finding.positive)} threshold",
        low,
        high,
        step=step,
        format="%.2f" if logit else "%.1f %%",  # as everywhere else
        on_change=move,
        **showing(key, value if band else value[0]),
        label_visibility="collapsed",
    )


def _show_point(session: Session, card: ModelCard, finding: Finding, cohort: str) -> None:
    """Where the threshold is, and the way back to the point that the card chose."""
    threshold = session.setting(card, finding.name).threshold
    default = card.default_thresholds()[finding.name]
    moved = abs(threshold - default) >= 5e-4
    cells = st.columns([4, 1], gap="xsmall") if moved else [st.container()]
    cells[0].caption(
        _distance_words(card, finding, threshold, cohort, logit=session.logit),
        help=_performance_words(card, finding, threshold),
    )
    if moved:
        cells[1].button(
            "Back",
            key=f"back {finding.name}",
            help=f"To the {threshold_words(default)} chosen on validation films",
            on_click=session.change,
            args=(card, finding.name),
            kwargs={"threshold": default},
            width="stretch",
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
            f"The point chosen on validation films ({name[0].lower()}{name[1:]}). Sensitivity and "
            f"specificity: {found} films."
        )
    now, then = (point_at(card, cohort, finding.name, value) for value in (threshold, default))
    gains = [
        100 * (getattr(now, measure).value - getattr(then, measure).value)
        for measure in ("sensitivity", "specificity")
    ]
    side = "above" if threshold > default else "below"
    if logit:
        here, there = (to_scale(value, logit=True) for value in (threshold, default))
        apart, chosen = f"{abs(here - there):.3g}", f"{there:.3g}"
    else:
        apart, chosen = f"{100 * abs(threshold - default):.1f} points", threshold_words(default)
    return (
        f"{apart} {side} the {chosen} chosen on validation films: sensitivity "
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


def _offer_band(
    session: Session, card: ModelCard, finding: Finding, probabilities: list[float]
) -> None:
    setting = session.setting(card, finding.name)
    low = setting.threshold / 2 if setting.abstain_from is None else setting.abstain_from
    inside = sum(low <= probability < setting.threshold for probability in probabilities)
    on = setting.abstain_from is not None
    key = f"abstain {finding.name} {card.sha256}"

    def switch() -> None:
        session.change(card, finding.name, abstain_from=low if st.session_state[key] else None)

    st.toggle("Leave a band below the threshold undecided", on_change=switch, **showing(key, on))
    st.caption(
        f"{threshold_words(low)} to {threshold_words(setting.threshold)}: **{inside} of "
        f"{len(probabilities)} films** {'are' if on else 'would be'} undecided, for somebody to "
        "read."
    )
