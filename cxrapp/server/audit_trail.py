"""Every answer that is shown goes to the audit file, where the operator has named one."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import streamlit as st

from cxrapp.errors import AuditFault
from cxrapp.model.bundle import Bundle
from cxrapp.runtime.audit import VARIABLE, append
from cxrapp.session.film import Film
from cxrapp.session.first_reads import is_blinded
from cxrapp.session.session import Session
from cxrapp.words import escape_markdown


def record_answers(session: Session, bundle: Bundle, films: Iterable[Film]) -> None:
    """Write down the answers about to be shown, each when it is new or has changed.

    Where that fails the page stops: an answer that leaves no trace is none.
    """
    path = os.environ.get(VARIABLE)
    if not path:
        return
    answers = {
        (film.key, bundle.card.sha256): _answer(session, bundle, film)
        for film in films
        if not is_blinded(session, film)
    }
    new = {key: answer for key, answer in answers.items() if session.audited.get(key) != answer}
    if not new:
        return
    who = {
        "session": session.audit_id,
        "reader": st.user.get("email"),
        "bundle": bundle.card.sha256,
    }
    try:
        append(
            Path(path),
            [who | answer | _numbers(session, bundle, key) for (key, _), answer in new.items()],
        )
    except AuditFault as error:
        st.error(escape_markdown(f"{error} No answer is shown without its line there."))
        st.stop()
    session.audited |= new


def _answer(session: Session, bundle: Bundle, film: Film) -> dict[str, Any]:
    """What makes a line: none is added while this stays as it is."""
    result = session.worklist.result(film, bundle)
    withheld = session.is_withheld(film, bundle)
    return {
        "film": film.fingerprint,
        "gate": result.verdict.level,
        "overruled": session.is_overruled(film, bundle),
        "decisions": {
            decision.finding: "withheld" if withheld else decision.outcome
            for decision in session.decide(bundle.card, result)
        },
        "reviewed": film.key in session.reviewed,
        "reader_call": session.call(film),
    }


def _numbers(session: Session, bundle: Bundle, key: str) -> dict[str, Any]:
    """What else was true when the line was written."""
    decisions = session.decide(
        bundle.card, session.worklist.result(session.worklist.films[key], bundle)
    )
    return {
        "scores": {one.finding: round(float(one.probability), 6) for one in decisions},
        "thresholds": {one.finding: round(float(one.threshold), 6) for one in decisions},
    }
