"""Blinded first reads: the reader's own call on a film, then one with the model's in sight."""

import time

from cxrapp.model.bundle import Bundle
from cxrapp.model.decision import Call
from cxrapp.session.film import Film
from cxrapp.session.session import OpenRead, Session
from cxrapp.statistics.reader_agreement import Read


def is_blinded(session: Session, film: Film) -> bool:
    """Whether the model's answer on this film is not to be seen yet."""
    return session.blinded and not getattr(session.reads.get(film.key), "first", None)


def is_reading(session: Session, film: Film) -> bool:
    """Whether the reader has not yet said the last word on the film."""
    return session.blinded and not getattr(session.reads.get(film.key), "final", None)


def start_read(session: Session, film: Film) -> None:
    """Start the clock when a film is first opened to be read."""
    if session.blinded:
        session.reads.setdefault(film.key, OpenRead(time.monotonic()))


def record_call(session: Session, bundle: Bundle, film: Film, call: Call) -> None:
    """In a blinded read the first call shows the model's answer; the next one is final, and the
    next film that waits is opened. Otherwise it is the reader's word on the film, which another
    takes the place of, and the same takes back."""
    if not session.blinded:
        if session.calls.get(film.key) == call:
            del session.calls[film.key]
        else:
            session.calls[film.key] = call
        return
    read = session.reads.get(film.key)
    if read is None:
        return
    if read.first is None:
        read.first, read.first_at = call, time.monotonic()
        decisions = session.decide(bundle.card, session.worklist.result(film, bundle))
        read.shown = "not asked" if session.is_withheld(film, bundle) else decisions[0].outcome
    else:
        read.final, read.final_at = call, time.monotonic()
        session.reviewed.add(film.key)
        session.opened = next(
            (key for key in session.order if not (one := session.reads.get(key)) or not one.final),
            film.key,
        )


def closed_reads(session: Session) -> list[Read]:
    """The films with a first and a final call."""
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
        for key, film in list(session.worklist.films.items())
        if (read := session.reads.get(key)) and read.first and read.final
    ]


def _whose(film: Film) -> str:
    """Films of one patient or, where the file names none, of one visit; else the film's own."""
    return film.tags.patient.patient_id or film.tags.study.uid or f"film {film.key}"
