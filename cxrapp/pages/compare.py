"""Compare models: two bundles on the same films, changed decisions, and how to swap one in."""

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from cxrapp.errors import CxrError
from cxrapp.figures.charts import ACCENT, FAINT, LEGEND, POINT, dress
from cxrapp.model.bundle import Bundle
from cxrapp.model.card import ModelCard
from cxrapp.model.decision import Decision
from cxrapp.panels.intake import show_progress
from cxrapp.panels.widgets import show_figure
from cxrapp.server.audit_trail import record_answers
from cxrapp.server.bundles import BY_DIGEST, choose_bundle, offered_cards
from cxrapp.server.sessions import current_session
from cxrapp.session.film import Film
from cxrapp.session.session import Session
from cxrapp.statistics.matching import Match, matching_threshold
from cxrapp.statistics.model_comparison import FindingComparison, Side, compare_films
from cxrapp.words import capitalised, escape_markdown, percent, rate_words, threshold_words

KEPT_SENSITIVITY = "The threshold that keeps the same sensitivity"


def show() -> None:
    """The page."""
    here = current_session()
    if len(offered_cards()) < 2:
        st.info("There is one model in the weights folder; a second one is needed to compare.")
        return
    if here.unread:
        st.info("Available after your reads: this page shows the models' answers.")
        return
    a, b = _choose_two()
    if a is b:
        st.info("Choose two different models.")
        return
    for bundle in (a, b):
        here.worklist.request(bundle)
    working = here.worklist.progress is not None  # before the results, as on the first page
    films = [film for film in here.worklist.scored(a) if here.worklist.result(film, b)]
    if working:
        show_progress(here.worklist, b, len(here.worklist.scored(b)))
        return
    withheld = [film for film in films if any(here.is_withheld(film, one) for one in (a, b))]
    shown = [film for film in films if film not in withheld]
    if not films:
        st.caption("No film yet: add some on the page Screen films. What the models are set to:")
    elif withheld:
        st.caption(
            f"{len(withheld)} of {len(films)} films are refused by one of the two and left out."
        )
    for bundle in (a, b):
        record_answers(here, bundle, shown)
    comparison = compare_films(
        _side(here, a, shown), _side(here, b, shown), [film.name for film in shown]
    )
    for note in comparison.notes:
        st.warning(note)
    for card, alone in ((a.card, comparison.only_a), (b.card, comparison.only_b)):
        if alone:
            st.caption(f"Only {card.name} answers {', '.join(alone)}.")
    for finding in comparison.findings:
        _show_finding(here, a.card, b.card, finding)


def _choose_two() -> tuple[Bundle, Bundle]:
    first, second = st.columns(2)
    with first:
        st.markdown("**In use**")
        a = choose_bundle()
    with second:
        st.markdown("**To replace it**")
        names = list(offered_cards())
        st.session_state.setdefault("other bundle", names[1])
        b = choose_bundle("other bundle", "Model to replace it")
    return a, b


def _side(here: Session, bundle: Bundle, films: list[Film]) -> Side:
    card = bundle.card
    rows = [here.worklist.result(film, bundle).prediction.probabilities for film in films]
    probabilities = np.array(rows).reshape(len(films), len(card.findings))
    return Side(card, probabilities, here.settings(card))


def _show_finding(here: Session, a: ModelCard, b: ModelCard, finding: FindingComparison) -> None:
    known = a.findings[a.index(finding.finding)]
    with st.container(border=True):
        st.markdown(
            f"##### {capitalised(known.positive)}: the decision changes on {sum(finding.changed)} "
            f"of {len(finding.films)} films"
        )
        picture, table, swap = st.columns([1, 1.5, 1.1])
        with picture:
            if finding.films:
                show_figure(_scatter(a, b, finding), f"changes {finding.finding}")
                if apart := sum(not _both_asked(*row[1:3]) for row in _rows(finding)):
                    st.caption(f"{apart} without a dot: not asked, by one of the two at least.")
        with table:
            _show_changes(a, b, finding)
        with swap:
            _show_match(here, a, b, finding.finding)


def _scatter(a: ModelCard, b: ModelCard, finding: FindingComparison) -> go.Figure:
    """One dot a film: what one says against what the other says, and both thresholds."""
    figure = go.Figure()
    for which, colour, size in ((False, ACCENT, 8), (True, POINT, 12)):
        chosen = [
            (name, before.probability, after.probability)
            for name, before, after, changed in _rows(finding)
            if changed == which and _both_asked(before, after)
        ]
        figure.add_scatter(
            x=[100 * one[1] for one in chosen],
            y=[100 * one[2] for one in chosen],
            text=[one[0].rsplit("/", 1)[-1] for one in chosen],
            mode="markers",
            marker={"color": colour, "size": size},
            name="changed" if which else "as before",
            hovertemplate="%{text}: %{x:.1f} %, %{y:.1f} %<extra></extra>",
        )
    figure.add_vline(100 * finding.before[0].threshold, line={"color": FAINT, "width": 2})
    figure.add_hline(100 * finding.after[0].threshold, line={"color": FAINT, "width": 2})
    figure.update_xaxes(title=f"{a.name} model, %", range=[-3, 103])
    figure.update_yaxes(title=f"{b.name} model, %", range=[-3, 103])
    figure.update_layout(legend=LEGEND)
    return dress(figure)


def _show_changes(a: ModelCard, b: ModelCard, finding: FindingComparison) -> None:
    """All films side by side, those with another decision first."""
    rows = sorted(_rows(finding), key=lambda row: (not row[3], -row[1].probability))
    st.dataframe(
        {
            "film": [row[0] for row in rows],
            "changed": [row[3] for row in rows],
            f"{a.name} model": [_shown(row[1]) for row in rows],
            f"{b.name} model": [_shown(row[2]) for row in rows],
        },
        hide_index=True,
        height="content",
        column_config={"film": st.column_config.Column(width="medium")},
        key=f"change table {finding.finding}",
    )


def _rows(finding: FindingComparison) -> list[tuple[str, Decision, Decision, bool]]:
    """Film by film: its name, both decisions, and whether they differ."""
    return list(zip(finding.films, finding.before, finding.after, finding.changed, strict=True))


def _both_asked(before: Decision, after: Decision) -> bool:
    return "not asked" not in (before.outcome, after.outcome)


def _shown(decision: Decision) -> str:
    """The decision and its probability, which there is only where the finding was asked."""
    if decision.outcome == "not asked":
        return "not asked"
    return f"{decision.outcome}, {percent(decision.probability)}"


def _show_match(here: Session, a: ModelCard, b: ModelCard, finding: str) -> None:
    """The threshold of B that finds as many as A does, and what it costs."""
    st.markdown(f"**{KEPT_SENSITIVITY}**")
    threshold = here.setting(a, finding).threshold
    try:
        match = _match(a, threshold, b, finding)
    except CxrError as error:
        st.caption(str(error))
        return
    before, after = match.before, match.after
    st.markdown(
        f"{a.name} at {threshold_words(threshold)}: sensitivity {rate_words(before.sensitivity)}, "
        f"specificity {rate_words(before.specificity)}.\n\n{b.name} at **"
        f"{threshold_words(match.threshold.value)}** ({threshold_words(match.threshold.low)} to "
        f"{threshold_words(match.threshold.high)}): sensitivity "
        f"{rate_words(after.sensitivity)}, specificity {rate_words(match.specificity)}."
    )
    st.caption(escape_markdown(match.basis))
    st.button(
        f"Set {b.name} to it",
        key=f"match {finding}",
        on_click=here.change,
        args=(b, finding),
        kwargs={"threshold": match.threshold.value, "abstain_from": None},
    )


@st.cache_data(max_entries=50, show_spinner=False, hash_funcs=BY_DIGEST)
def _match(a: ModelCard, threshold: float, b: ModelCard, finding: str) -> Match:
    return matching_threshold(a, threshold, b, finding)
