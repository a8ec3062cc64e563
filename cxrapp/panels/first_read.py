"""Blinded first read: the reader's own call before the model's is shown."""

import time
from typing import get_args

import streamlit as st

from cxrapp.model.bundle import Bundle
from cxrapp.session.session import Desk, OpenRead
from cxrapp.session.worklist import Film
from cxrapp.statistics.operating_point import Call
from cxrapp.statistics.reader_agreement import Agreement, Read, summarise_reads
from cxrapp.words import capitalised

CALLS: tuple[Call, ...] = get_args(Call)


def is_blinded(desk: Desk, film: Film) -> bool:
    """Whether the model's answer on this film is not to be seen yet."""
    if not st.session_state.get("blinded"):
        return False
    read = desk.reads.get(film.key)
    return read is None or read.first is None


def begin_read(desk: Desk, film: Film) -> None:
    """Start the clock when a film is first opened to be read."""
    if st.session_state.get("blinded"):
        desk.reads.setdefault(film.key, OpenRead(time.monotonic()))


def record_call(desk: Desk, bundle: Bundle, film: Film, call: Call) -> None:
    """The first call shows the model's answer; the next one is final, and the film is reviewed."""
    read = desk.reads.get(film.key)
    if read is None or not st.session_state.get("blinded"):
        return
    if read.first is None:
        read.first, read.first_at = call, time.monotonic()
        decisions = desk.decide(bundle.card, desk.worklist.result(film, bundle))
        read.shown = "not asked" if desk.is_withheld(film, bundle) else decisions[0].outcome
    else:
        read.final, read.final_at = call, time.monotonic()
        desk.reviewed.add(film.key)


def ask_for_call(desk: Desk, bundle: Bundle, film: Film) -> None:
    """Buttons for the call that is due; the keys P, N and U do the same."""
    finding, read = bundle.card.findings[0], desk.reads[film.key]
    if read.first is None:
        st.markdown(f"**Your own call first: {finding.positive}?**")
    else:
        st.markdown(f"You said **{read.first}**. Your final call?")
    words = {"positive": "yes", "negative": "no", "unsure": "unsure"}
    for call, cell in zip(CALLS, st.columns(len(CALLS), gap="xsmall"), strict=True):
        cell.button(
            f"{capitalised(words[call])} ({call[0].upper()})",
            key=f"call {call}",
            on_click=record_call,
            args=(desk, bundle, film, call),
            type="primary" if read.final == call else "secondary",
            width="stretch",
        )


def closed_reads(desk: Desk) -> list[Read]:
    """The films with a first and a final call."""
    closed = [
        (film, read)
        for key, film in list(desk.worklist.films.items())
        if (read := desk.reads.get(key)) and read.first and read.final
    ]
    return [
        Read(
            film.name,
            read.first,
            read.first_at - read.opened,
            read.final,
            read.final_at - read.first_at,
            read.shown,
        )
        for film, read in closed
    ]


def show_summary(reads: list[Read]) -> None:
    """What the reader did with the model so far."""
    summary = summarise_reads(reads)
    before, after = (_agreement_words(one) for one in (summary.before, summary.after))
    st.markdown(
        f"**Your reads**: {summary.films} films, {summary.first_seconds:.0f} s to the first call "
        f"and {summary.final_seconds:.0f} s from there to the final one (medians). Agreement with "
        f"the model before seeing it {before}, after {after}. You changed your mind on "
        f"{summary.changed}: {summary.towards} towards the model, {summary.away} away from it."
    )


def _agreement_words(agreement: Agreement | None) -> str:
    if agreement is None:
        return "unknown"
    share = agreement.share
    words = f"{100 * share.value:.0f} % ({100 * share.low:.0f} to {100 * share.high:.0f})"
    return words + (f", kappa {agreement.kappa}" if agreement.kappa else "")
