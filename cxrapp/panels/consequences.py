"""What a threshold does, at once and everywhere: curves, counts, and outcomes per 1,000."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cxrapp.model.card import Finding, ModelCard
from cxrapp.panels.curve_overlay import precision_setting, roc_setting, scores_setting
from cxrapp.panels.curves import show_curve
from cxrapp.panels.points import point_at
from cxrapp.panels.widgets import showing
from cxrapp.session.session import Session
from cxrapp.statistics.operating_point import OperatingPoint
from cxrapp.statistics.outcomes import Outcomes, outcomes
from cxrapp.words import capitalised, rate_cells, rate_words


def show_consequences(session: Session, card: ModelCard, finding: Finding, cohort: str) -> None:
    """The ROC curve with the setting's dot, and what becomes of 1,000 patients.

    Args:
        cohort: See `current_cohort`; it is chosen here.
    """
    setting = session.setting(card, finding.name)
    point = point_at(card, cohort, finding.name, setting.threshold)
    title, films = st.columns([1, 1.5], gap="xsmall", vertical_alignment="center")
    with films:
        _choose_cohort(card)
    show_curve(title, session, card, finding, cohort, "roc", roc_setting(point))
    with st.container(key="outcomes"):
        _show_outcomes(session, card, finding, cohort)


def show_details(
    session: Session, card: ModelCard, finding: Finding, cohort: str, film: float | None
) -> DeltaGenerator:
    """The other curves, and the counts behind the rates.

    Args:
        cohort: Of the card.
        film: The probability of the film on the viewer; None while it is not to be seen.

    Returns:
        Where more can be said of the film.
    """
    setting = session.setting(card, finding.name)
    point = point_at(card, cohort, finding.name, setting.threshold)
    scores, precision, words = st.columns([1, 1, 1])
    over_scores = scores_setting(setting, film, logit=session.logit)
    with scores:
        show_curve(scores, session, card, finding, cohort, "scores", over_scores)
    with precision:
        show_curve(precision, session, card, finding, cohort, "precision", precision_setting(point))
    words.caption(_counts(card, finding, cohort, point))
    return words


def current_cohort(card: ModelCard) -> str:
    """Whose films the consequences are counted on, as chosen before."""
    chosen = st.session_state.get("cohort")
    return chosen if chosen in card.cohorts else next(iter(card.cohorts))


def _choose_cohort(card: ModelCard) -> None:
    """Whose films the consequences are counted on."""
    st.segmented_control(
        "Measured on",
        list(card.cohorts),
        default=next(iter(card.cohorts)),
        required=True,
        key="cohort",
        format_func=lambda name: capitalised(name),
        label_visibility="collapsed",
        width="stretch",
    )


def _show_outcomes(session: Session, card: ModelCard, finding: Finding, cohort: str) -> None:
    """What happens to 1,000 patients, of whom as many are ill as the reader says.

    Until they say, as many as among the validation films: how common a finding is on a ward nobody
    else knows.
    """
    setting = session.setting(card, finding.name)
    key = f"prevalence {finding.name} {card.sha256}"
    known = session.ward(card).get(finding.name)
    whom = f"{card.population} with {finding.given}" if finding.given else card.population
    question = f"Of 100 {whom} you see, how many have {finding.positive}?"
    counted_at = session.counted_at(card, finding.name)
    words, field = st.columns([1.7, 1], gap="xsmall", vertical_alignment="center")
    until = f" Until you say, {100 * counted_at:.3g} are counted, as among validation films."
    words.caption(question + until * (known is None))
    field.number_input(
        question,
        0.1,
        99.9,
        step=1.0,
        help="PPV: of those flagged, how many have it. NPV: of those not flagged, how many do not. "
        "Both hang on how common it is where you work, sensitivity and specificity do not. The "
        "film's probability follows it too.",
        format="%.1f",
        placeholder="not set",
        label_visibility="collapsed",
        on_change=lambda: session.give_prevalence(
            card, finding.name, _as_share(st.session_state[key])
        ),
        **showing(key, None if known is None else round(100 * known, 1)),
    )
    counted = outcomes(
        card.scores(cohort, finding.name), counted_at, setting.threshold, setting.abstain_from
    )
    band = setting.abstain_from is not None
    st.markdown(_outcomes_table(counted, band=band, ward=known is not None))


def _as_share(of_hundred: float | None) -> float | None:
    return None if of_hundred is None else of_hundred / 100


def _outcomes_table(counted: Outcomes, *, band: bool, ward: bool) -> str:
    """Two counts a row, each with its 95 % interval: found beside missed, and so on.

    Args:
        ward: Whether it is known how common the finding is there; PPV and NPV would mislead else.
    """
    cells = [
        f"{name} | **{r.value:.0f}** ({r.low:.0f}–{r.high:.0f})"
        for name, r in {
            "found": counted.found,
            "missed": counted.missed,
            "false alarms": counted.false_alarms,
            "cleared": counted.cleared,
        }.items()
    ]
    for name, rate, nobody in (("PPV", counted.ppv, "flagged"), ("NPV", counted.npv, "cleared")):
        if not ward:
            cells.append(f"{name} | say how many")
            continue
        value, ends = rate_cells(rate)
        cells.append(
            f"{name} | **{value}** ({ends.replace(' to ', '–') or f'no film is {nobody}'})"
        )
    if band:
        r = counted.undecided
        cells += [f"undecided | **{r.value:.0f}** ({r.low:.0f}–{r.high:.0f})", "ill or not |"]
    rows = [f"| {left} | {right} |" for left, right in zip(cells[::2], cells[1::2], strict=True)]
    return "\n".join(["| of 1,000 | 95 % interval | | |", "|---|---|---|---|", *rows])


def _counts(card: ModelCard, finding: Finding, cohort: str, point: OperatingPoint) -> str:
    """The 2 x 2 table in one line, with its rates."""
    return (
        f"{cohort.capitalize()}, {card.describe(cohort, finding.name)}. With {finding.positive}: "
        f"**{point.true_positives} flagged, {point.false_negatives} not**, sensitivity "
        f"{rate_words(point.sensitivity)}. With {finding.negative}: **{point.false_positives} "
        f"flagged, {point.true_negatives} not**, specificity {rate_words(point.specificity)}. "
        "95 % intervals by patient."
    )
