"""Blinded first reads: the reader's own call on a film, then one with the model's in sight."""

import time

from cxrapp.model.bundle import Bundle
from cxrapp.model.decision import Call
from cxrapp.session.film import Film
from cxrapp.session.session import OpenRead, Session
from cxrapp.statistics.reader_agreement import Read


def is_blinded(session: Session, film: Film) -> bool:
    """Whether the model's answer on this film is not to be seen yet."""
    if not session.blinded:
        return False
    read = session.reads.get(film.key)
    return read is None or read.first is None


def start_read(session: Session, film: Film) -> None:
    """Start the clock when a film is first opened to be read."""
    if session.blinded:
        session.reads.setdefault(film.key, OpenRead(time.monotonic()))


def record_call(session: Session, bundle: Bundle, film: Film, call: Call) -> None:
    """The first call shows the model's answer; the next one is final, and the film is reviewed."""
    read = session.reads.get(film.key)
    if read is None or not session.blinded:
        return
    if read.first is None:
        read.first, read.first_at = call, time.monotonic()
        decisions = session.decide(bundle.card, session.worklist.result(film, bundle))
        read.shown = "not asked" if session.is_withheld(film, bundle) else decisions[0].outcome
    else:
        read.final, read.final_at = call, time.monotonic()
        session.reviewed.add(film.key)


def closed_reads(session: Session) -> list[Read]:
    """The films with a first and a final call."""
    closed = [
        (film, read)
        for key, film in list(session.worklist.films.items())
        if (read := session.reads.get(key)) and read.first and read.final
    ]
    return [
        Read(
            film.name,
            _whose(film),
            read.first,
            read.first_at - read.opened,
            read.final,
            read.final_at - read.first_at,
            read.shown,
        )
        for film, read in closed
    ]


def _whose(film: Film) -> str:
    """Films of one patient or, where the file names none, of one visit; else the film's own."""
    return film.tags.patient.patient_id or film.tags.study.uid or f"film {film.key}"
