"""The worklist: every film, its scores and its state, to filter, sort and work through."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import streamlit as st

from cxrapp.figures.decisions import LOOKS, Shown, shown_as
from cxrapp.model.bundle import Bundle
from cxrapp.model.card import ModelCard
from cxrapp.model.decision import Call, Decisions, Outcome
from cxrapp.panels.exports import offer_exports
from cxrapp.panels.film_list import Bar, Row, show_rows
from cxrapp.panels.open_film import offer_names, person_facts
from cxrapp.report.release import weakness
from cxrapp.server.audit_trail import record_answers
from cxrapp.session.film import Film
from cxrapp.session.first_reads import is_blinded, record_call
from cxrapp.session.session import Session
from cxrapp.session.worklist import Result
from cxrapp.words import percent

PAGE = 50  # rows sent to the browser at a time
Scored = tuple[Film, Result, Decisions]
Check = Callable[[Session, Bundle, Scored], bool]


def _decided(outcome: Outcome) -> Check:
    return lambda session, bundle, one: (
        one[2][0].outcome == outcome and not session.is_withheld(one[0], bundle)
    )


def _differs(said: Call, outcome: Outcome) -> Check:
    """Whether the reader said one thing and the model another."""
    found = _decided(outcome)
    return lambda session, bundle, one: session.call(one[0]) == said and found(session, bundle, one)


# What can be shown, in this order; a count leads to its films.
SHOW: dict[str, Check] = {
    "All": lambda *_: True,
    "Positive": _decided("positive"),
    "Undecided": _decided("undecided"),
    "Negative": _decided("negative"),
    "Refused": lambda session, bundle, one: session.is_withheld(one[0], bundle),
    "Missed, you say": _differs("positive", "negative"),
    "False alarms, you say": _differs("negative", "positive"),
    "To review": lambda session, _, one: one[0].key not in session.reviewed,
    "Reviewed": lambda session, _, one: one[0].key in session.reviewed,
}
UNREAD = ("All", "To review", "Reviewed")  # what can be shown while a blinded read is under way


def show_worklist(
    session: Session, bundle: Bundle, films: list[Film], *, working: bool
) -> Film | None:
    """The films that the filters let through; returns the one opened.

    Args:
        working: More are on their way.
    """
    scored = [
        (film, r := session.worklist.result(film, bundle), session.decide(bundle.card, r))
        for film in films
    ]
    record_answers(session, bundle, films)
    names, export = st.columns([1, 1], gap="xsmall", vertical_alignment="center")
    with names:
        offer_names(session)
    exports = export.popover("Export", width="stretch")
    shown = _choose_shown(session, bundle, scored)
    sorting = _choose_order(session)
    chosen = [one for one in scored if SHOW[shown](session, bundle, one)]
    chosen = _group(sorted(chosen, key=lambda one: ORDERS[sorting](session, bundle, one)))
    session.order = tuple(film.key for film, _, _ in chosen)
    if not chosen:
        st.caption("No film is like that.")
        return None
    with exports:
        offer_exports(session, bundle, films)
    start = PAGE * min(session.page, (len(chosen) - 1) // PAGE)
    page, above = chosen[start : start + PAGE], [None, *(film for film, _, _ in chosen)]
    show_rows(
        [_to_row(session, bundle, *pair) for pair in zip(page, above[start:], strict=False)],
        before=start,
        after=len(chosen) - start - len(page),
        working=working,
        act=lambda actions: act(session, bundle, actions),
    )
    return session.worklist.films[session.current]


def _choose_shown(session: Session, bundle: Bundle, scored: list[Scored]) -> str:
    """The counts, each of which shows its films when it is pressed."""
    # Which films the model flags is no news for somebody who is to read them first.
    choices = UNREAD if session.unread else tuple(SHOW)
    counts = {name: sum(SHOW[name](session, bundle, one) for one in scored) for name in choices}
    kept = [name for name in choices if counts[name] or name in UNREAD]
    if st.session_state.get("show") not in kept:
        st.session_state["show"] = "All"
    words = {"All": f"{len(scored)} film{'' if len(scored) == 1 else 's'}"}
    return st.pills(
        "Show",
        kept,
        required=True,
        format_func=lambda name: words.get(name, f"{name} {counts.get(name, 0)}"),
        key="show",
        label_visibility="collapsed",
        persist_state="session",
        wrap=True,
    )


def _choose_order(session: Session) -> str:
    if session.blinded:
        st.caption("In the order they came, which tells nothing of the model's answers.")
        return "As they came"
    return st.selectbox(
        "Order", list(ORDERS), key="order", label_visibility="collapsed", persist_state="session"
    )


def _urgency(session: Session, bundle: Bundle, one: Scored) -> Any:
    """Refused films that nobody has looked at, then by decision and log-odds: many round to the
    same "over 99.9 %"."""
    film, result, decisions = one
    if session.is_withheld(film, bundle):
        return (4 if film.key in session.reviewed else 0, int(film.key))
    rank = ("positive", "undecided", "negative").index(decisions[0].outcome)
    return (1 + rank, -float(result.prediction.logits[0]))


ORDERS: dict[str, Callable[[Session, Bundle, Scored], Any]] = {
    "Most urgent first": _urgency,
    "Closest calls first": lambda session, bundle, one: (
        session.is_withheld(one[0], bundle),
        abs(one[2][0].probability - one[2][0].threshold),
    ),
    "File name": lambda _, __, one: one[0].name,
    "As they came": lambda _, __, one: int(one[0].key),
}


def _group(scored: list[Scored]) -> list[Scored]:
    """The films of one study together, where the first of them stands."""
    groups: dict[str, list[Scored]] = {}
    for one in scored:
        groups.setdefault(one[0].tags.study.uid or f"film {one[0].key}", []).append(one)
    return [one for group in groups.values() for one in group]


def _to_row(session: Session, bundle: Bundle, one: Scored, above: Film | None) -> Row:
    """A film of the list, below the one `above` it."""
    film, result, decisions = one
    marks, note, answer, bars = ["unusual"] * (result.verdict.level == "warn"), "", "", ()
    outcome: Shown | None = None
    if session.is_overruled(film, bundle):
        marks = ["refused, shown anyway"]
    if film.key in session.reviewed:
        marks.append("✓ reviewed")
    if is_blinded(session, film):
        note = "waits for your first read"
    elif session.is_withheld(film, bundle):
        outcome, answer, note = "refused", "refused", result.verdict.reasons[0]
    else:
        outcome, answer = read_answer(bundle.card, decisions)
        settings = session.settings(bundle.card)
        bars = tuple(
            Bar(
                f.positive,
                d.probability,
                d.threshold,
                settings[f.name].abstain_from,
                shown_as(f, d.outcome).replace(" ", "-"),
                percent(d.probability),
            )
            for f, d in zip(bundle.card.findings, decisions, strict=True)
            if d.outcome != "not asked"
        )
    study = film.tags.study.uid
    facts = person_facts(film, datetime.now(), identified=session.identified)
    return Row(
        key=film.key,
        name=session.display_name(film),
        thumbnail=film.thumbnail,
        outcome=(outcome or "").replace(" ", "-"),
        sign=LOOKS[outcome].sign if outcome else "",
        answer=answer,
        findings=bars,
        marks=tuple(marks),
        note=note,
        facts=" · ".join(facts) if session.identified else "",
        selected=film.key == session.current,
        grouped=bool(study) and above is not None and above.tags.study.uid == study,
    )


def read_answer(card: ModelCard, decisions: Decisions) -> tuple[Outcome, str]:
    """The questions read as one answer, as far as they were asked, and how the first was decided
    (or the one that is undecided). A kind that the model is weak at is not named."""
    answer = ""
    for finding, decision in zip(card.findings, decisions, strict=True):
        if finding.given and weakness(card, finding.name):
            break
        if decision.outcome == "undecided":
            return "undecided", f"{finding.positive}: undecided"
        if decision.outcome == "not asked":  # nor is any after it
            break
        answer = finding.positive if decision.outcome == "positive" else finding.negative
    return decisions[0].outcome, answer


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
            session.toggle_reviewed(current)
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
