"""What a threshold does, at once and everywhere: curves, counts, and outcomes per 1,000."""

import streamlit as st

from cxrapp.model.card import Finding, ModelCard
from cxrapp.panels.curve_overlay import Cut
from cxrapp.panels.curves import show_curves
from cxrapp.panels.points import point_at
from cxrapp.panels.widgets import showing
from cxrapp.session.session import Session
from cxrapp.statistics.operating_point import OperatingPoint
from cxrapp.statistics.outcomes import Outcomes, outcomes
from cxrapp.words import rate_cells, rate_words, share_words


def show_consequences(
    session: Session, card: ModelCard, finding: Finding, cohort: str, film: float | None
) -> None:
    """Everything that hangs on the finding's threshold.

    Args:
        cohort: Of the card.
        film: The probability of the film on the viewer; None while it is not to be seen.
    """
    setting = session.setting(card, finding.name)
    point = point_at(card, cohort, finding.name, setting.threshold)
    *cells, counts_cell = st.columns([1, 1, 1, 1.25])
    show_curves(cells, session, card, finding, cohort, point, Cut(setting, film))
    with counts_cell.container(key="outcomes"):
        _show_outcomes(session, card, finding, cohort)
    st.caption(_counts(card, finding, cohort, point))


def choose_cohort(card: ModelCard) -> str:
    """Whose films the consequences are counted on."""
    return st.segmented_control(
        "Measured on",
        list(card.cohorts),
        default=next(iter(card.cohorts)),
        required=True,
        key="cohort",
        format_func=lambda name: f"On {name} films",
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
    st.number_input(
        f"Of 100 {whom} seen here, how many have {finding.positive}?",
        0.1,
        99.9,
        step=1.0,
        help="PPV: of those flagged, how many have it. NPV: of those not flagged, how many do not. "
        "Both hang on how common it is where you work, sensitivity and specificity do not. The "
        "film's probability follows it too.",
        format="%.1f",
        placeholder="not said yet",
        on_change=lambda: session.give_prevalence(
            card, finding.name, _as_share(st.session_state[key])
        ),
        **showing(key, None if known is None else round(100 * known, 1)),
    )
    counted_at = session.counted_at(card, finding.name)
    if known is None:
        st.caption(f"Until you say, as among the validation films: {share_words(counted_at)}.")
    counted = outcomes(
        card.scores(cohort, finding.name),
        counted_at,
        setting.threshold,
        setting.abstain_from,
    )
    st.markdown(_outcomes_table(counted, band=setting.abstain_from is not None))


def _as_share(of_hundred: float | None) -> float | None:
    return None if of_hundred is None else of_hundred / 100


def _outcomes_table(counted: Outcomes, *, band: bool) -> str:
    rows = {
        "found": counted.found,
        "missed": counted.missed,
        "false alarms": counted.false_alarms,
        "rightly left alone": counted.cleared,
        **({"undecided, both kinds": counted.undecided} if band else {}),
    }
    lines = [
        f"| {name} | **{r.value:.0f}** | {r.low:.0f} to {r.high:.0f} |" for name, r in rows.items()
    ]
    for name, rate, nobody in (("PPV", counted.ppv, "flagged"), ("NPV", counted.npv, "cleared")):
        value, ends = rate_cells(rate)
        lines.append(f"| {name} | **{value}** | {ends or f'no film is {nobody}'} |")
    return "\n".join(["| of 1,000 | | 95 % interval |", "|---|--:|--:|", *lines])


def _counts(card: ModelCard, finding: Finding, cohort: str, point: OperatingPoint) -> str:
    """The 2 x 2 table in one line, with its rates."""
    return (
        f"{cohort.capitalize()}, {card.describe(cohort, finding.name)}. With {finding.positive}: "
        f"**{point.true_positives} flagged, {point.false_negatives} not**, sensitivity "
        f"{rate_words(point.sensitivity)}. With {finding.negative}: **{point.false_positives} "
        f"flagged, {point.true_negatives} not**, specificity {rate_words(point.specificity)}. "
        "95 % intervals by patient."
    )
