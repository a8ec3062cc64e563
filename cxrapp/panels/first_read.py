"""Blinded first read: the reader's own call before the model's is shown."""

import streamlit as st

from cxrapp.model.bundle import Bundle
from cxrapp.model.decision import Call
from cxrapp.session.film import Film
from cxrapp.session.first_reads import closed_reads, record_call
from cxrapp.session.session import Session
from cxrapp.statistics.reader_agreement import Agreement, Read, summarise_reads
from cxrapp.words import capitalised, rate_words

CALL_WORDS: dict[Call, str] = {"positive": "yes", "negative": "no", "unsure": "unsure"}


def ask_for_call(session: Session, bundle: Bundle, film: Film) -> None:
    """Buttons for the call that is due; the keys P, N and U do the same."""
    finding, read = bundle.card.findings[0], session.reads[film.key]
    if read.first is None:
        st.markdown(f"**Your own call first: {finding.positive}?**")
        st.caption(
            "The films stand in the order they came. The model's answer follows your call; its "
            "curves and thresholds follow when all films are read."
        )
    else:
        st.markdown(f"You said **{read.first}**. Your final call?")
    for cell, (call, words) in zip(st.columns(3, gap="xsmall"), CALL_WORDS.items(), strict=True):
        cell.button(
            f"{capitalised(words)} ({call[0].upper()})",
            key=f"call {call}",
            on_click=record_call,
            args=(session, bundle, film, call),
            type="primary" if read.final == call else "secondary",
            width="stretch",
        )
    if reads := closed_reads(session):
        _show_summary(reads)


def _show_summary(reads: list[Read]) -> None:
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
    return rate_words(agreement.share) + (f", kappa {agreement.kappa}" if agreement.kappa else "")
