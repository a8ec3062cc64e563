"""Every answer that is shown goes to the audit file, where the operator has named one."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import streamlit as st

from cxrapp.errors import AuditFault
from cxrapp.model.bundle import Bundle
from cxrapp.panels.first_read import is_blinded
from cxrapp.runtime.audit import append
from cxrapp.session.session import Desk, plain
from cxrapp.session.worklist import Film

VARIABLE = "CXR_AUDIT"  # of the environment: the file's path


def record_answers(desk: Desk, bundle: Bundle, films: Iterable[Film]) -> None:
    """Write down the answers about to be shown, each when it is new or has changed.

    Where that fails the page stops: an answer that leaves no trace is none.
    """
    path = os.environ.get(VARIABLE)
    if not path:
        return
    answers = {
        (film.key, bundle.card.sha256): _answer(desk, bundle, film)
        for film in films
        if not is_blinded(desk, film)
    }
    new = {key: answer for key, answer in answers.items() if desk.audited.get(key) != answer}
    if not new:
        return
    who = {"session": desk.session, "reader": st.user.get("email"), "bundle": bundle.card.sha256}
    try:
        append(
            Path(path),
            [who | answer | _numbers(desk, bundle, key) for (key, _), answer in new.items()],
        )
    except AuditFault as error:
        st.error(plain(f"{error} No answer is shown without its line there."))
        st.stop()
    desk.audited |= new


def _answer(desk: Desk, bundle: Bundle, film: Film) -> dict[str, Any]:
    """What makes a line: none is added while this stays as it is."""
    result, read = desk.worklist.result(film, bundle), desk.reads.get(film.key)
    withheld = desk.is_withheld(film, bundle)
    return {
        "film": film.mark,
        "gate": result.verdict.outcome,
        "overruled": desk.is_overruled(film, bundle),
        "decisions": {
            decision.finding: "withheld" if withheld else decision.outcome
            for decision in desk.decide(bundle.card, result)
        },
        "reviewed": film.key in desk.reviewed,
        "reader_call": read and (read.final or read.first),
    }


def _numbers(desk: Desk, bundle: Bundle, key: str) -> dict[str, Any]:
    """What else was true when the line was written."""
    decisions = desk.decide(bundle.card, desk.worklist.result(desk.worklist.films[key], bundle))
    return {
        "scores": {one.finding: round(float(one.probability), 6) for one in decisions},
        "thresholds": {one.finding: round(float(one.threshold), 6) for one in decisions},
    }
