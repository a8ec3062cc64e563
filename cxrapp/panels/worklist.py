"""The worklist: every film, its scores and its state, to filter, sort and work through."""

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from cxrapp.model.bundle import Bundle
from cxrapp.model.card import Finding
from cxrapp.model.decision import Decisions
from cxrapp.panels.exports import offer_exports
from cxrapp.panels.film_list import Bar, Row, show_rows
from cxrapp.server.audit_trail import record_answers
from cxrapp.session.film import Film
from cxrapp.session.first_reads import is_blinded, record_call
from cxrapp.session.session import Session
from cxrapp.session.worklist import Result
from cxrapp.words import percent

PAGE = 50  # rows sent to the browser at a time
SHOW = ("All", "Positive", "Undecided", "Negative", "Refused", "To review", "Reviewed")
UNREAD = ("All", "To review", "Reviewed")  # what can be shown while a blinded read is under way
CHECKS = {"accept": (), "warn": ("unusual",), "refuse": ("refused",)}

Scored = tuple[Film, Result, Decisions]


def show_worklist(session: Session, bundle: Bundle, films: list[Film]) -> Film | None:
    """The films that the filters let through; returns the one opened."""
    scored = [
        (film, r := session.worklist.result(film, bundle), session.decide(bundle.card, r))
        for film in films
    ]
    record_answers(session, bundle, films)
    counts, export = st.columns([2.1, 1], gap="xsmall", vertical_alignment="center")
    counts.markdown(_counts(session, bundle, scored))
    exports = export.popover("Export", width="stretch")
    show, order = st.columns([1, 1.25], gap="xsmall")
    # Which films the model flags is no news for somebody who is to read them first.
    choices = UNREAD if session.unread else SHOW
    options = {"label_visibility": "collapsed", "persist_state": "session"}
    if st.session_state.get("show") not in choices:
        st.session_state["show"] = choices[0]
    shown = show.selectbox("Show", choices, key="show", **options)
    sorting = order.selectbox("Order", list(ORDERS), key="order", **options)
    chosen = [one for one in scored if _is_shown(session, bundle, one, shown)]
    chosen = _group(_sort(session, bundle, chosen, sorting))
    session.order = tuple(film.key for film, _, _ in chosen)
    if not chosen:
        st.caption("No film is like that.")
        return None
    with exports:
        offer_exports(session, bundle, films)
    opened = session.current
    start = PAGE * min(session.page, (len(chosen) - 1) // PAGE)
    page = chosen[start : start + PAGE]
    show_rows(
        [
            _to_row(
                session, bundle, one, _previous(chosen, start + n), selected=one[0].key == opened
            )
            for n, one in enumerate(page)
        ],
        before=start,
        after=len(chosen) - start - len(page),
        act=lambda actions: act(session, bundle, actions),
    )
    return session.worklist.films[opened]


def _counts(session: Session, bundle: Bundle, scored: list[Scored]) -> str:
    first = bundle.card.findings[0]
    shown = [ds[0].outcome for film, _, ds in scored if not session.is_withheld(film, bundle)]
    parts = [f"**{len(scored)} film{'' if len(scored) == 1 else 's'}**"]
    if not session.blinded:
        parts.append(f"**{shown.count('positive')}** {first.positive}")
        if undecided := shown.count("undecided"):
            parts.append(f"**{undecided}** undecided")
    if withheld := len(scored) - len(shown):
        parts.append(f"**{withheld}** refused")
    reviewed = sum(film.key in session.reviewed for film, _, _ in scored)
    return ", ".join(parts) + f", {reviewed} reviewed"


def _is_shown(session: Session, bundle: Bundle, one: Scored, shown: str) -> bool:
    film, _, decisions = one
    withheld = session.is_withheld(film, bundle)
    if shown in ("Positive", "Undecided", "Negative"):
        return not withheld and decisions[0].outcome == shown.lower()
    return {
        "All": True,
        "Refused": withheld,
        "Reviewed": film.key in session.reviewed,
        "To review": film.key not in session.reviewed,
    }[shown]


def _urgency(one: Scored) -> Any:
    first = one[2][0]
    return (("positive", "undecided", "negative").index(first.outcome), -first.probability)


ORDERS: dict[str, Callable[[Scored], Any]] = {
    "Most urgent first": _urgency,
    "Closest calls first": lambda one: abs(one[2][0].probability - one[2][0].threshold),
    "File name": lambda one: one[0].name,
    "As they came": lambda one: int(one[0].key),
}


def _sort(session: Session, bundle: Bundle, scored: list[Scored], order: str) -> list[Scored]:
    """Films without a result to show come last; a blinded list tells nothing by its order."""
    if session.blinded:
        return sorted(scored, key=ORDERS["As they came"])
    key = ORDERS[order]
    return sorted(scored, key=lambda one: (session.is_withheld(one[0], bundle), key(one)))


def _group(scored: list[Scored]) -> list[Scored]:
    """The films of one study together, where the first of them stands."""
    groups: dict[str, list[Scored]] = {}
    for one in scored:
        groups.setdefault(one[0].tags.study.uid or f"film {one[0].key}", []).append(one)
    return [one for group in groups.values() for one in group]


def _previous(scored: list[Scored], index: int) -> Film | None:
    return scored[index - 1][0] if index else None


def _to_row(
    session: Session, bundle: Bundle, one: Scored, previous: Film | None, *, selected: bool
) -> Row:
    film, result, decisions = one
    marks, note, answer, bars = list(CHECKS[result.verdict.level]), "", "", ()
    if session.is_overruled(film, bundle):
        marks = ["refused, shown anyway"]
    if film.key in session.reviewed:
        marks.append("reviewed")
    if is_blinded(session, film):
        note = "waits for your first read"
    elif session.is_withheld(film, bundle):
        note = result.verdict.reasons[0]
    else:
        answer = _answer(bundle.card.findings, decisions)
        bars = tuple(
            Bar(f.positive, d.probability, d.threshold, d.outcome, percent(d.probability))
            for f, d in zip(bundle.card.findings, decisions, strict=True)
        )
    study = film.tags.study.uid
    return Row(
        key=film.key,
        name=session.display_name(film),
        thumbnail=film.thumbnail,
        answer=answer,
        findings=bars,
        marks=tuple(marks),
        note=note,
        selected=selected,
        grouped=bool(study) and previous is not None and previous.tags.study.uid == study,
    )


def _answer(findings: Sequence[Finding], decisions: Decisions) -> str:
    """The questions read as one answer, as far as they were asked."""
    answer = ""
    for finding, decision in zip(findings, decisions, strict=True):
        if decision.outcome == "positive":
            answer = finding.positive
        elif decision.outcome == "undecided":
            return f"{finding.positive}: undecided"
        elif decision.outcome == "negative":
            return finding.negative
    return answer


def act(session: Session, bundle: Bundle, actions: list[dict[str, Any]]) -> None:
    """What the reader did in the list, oldest first; each action is taken over once."""
    for action in actions:
        if action["number"] > session.acted:
            session.acted = action["number"]
            _act_once(session, bundle, action)


def _act_once(session: Session, bundle: Bundle, action: dict[str, Any]) -> None:
    # A review or a call belongs to the film the reader saw; if another is open by now, to none.
    seen = action.get("film") == session.current
    match action:
        case {"kind": "open", "key": str(key)} if key in session.worklist.films:
            session.opened = key
        case {"kind": "step", "by": int(by)}:
            _step(session, by)
        case {"kind": "page", "by": int(by)}:
            session.page = max(session.page + by, 0)
        case {"kind": "review"} if seen and (current := session.current):
            session.reviewed ^= {current}
            session.opened = current
            if current in session.reviewed:
                _step(session, 1)
        case {"kind": "call", "call": "positive" | "negative" | "unsure" as call} if seen:
            if current := session.current:
                record_call(session, bundle, session.worklist.films[current], call)


def _step(session: Session, by: int) -> None:
    if (current := session.current) is None:
        return
    place = min(max(session.order.index(current) + by, 0), len(session.order) - 1)
    session.opened, session.page = session.order[place], place // PAGE
