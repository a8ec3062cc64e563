"""Blinded first read: the reader's own call before the model's is shown."""

import streamlit as st

from cxrapp.model.bundle import Bundle
from cxrapp.model.decision import Call
from cxrapp.session.film import Film
from cxrapp.session.first_reads import closed_reads, record_call
from cxrapp.session.session import Session
from cxrapp.statistics.reader_agreement import Agreement, summarise_reads
from cxrapp.words import capitalised, rate_words

CALL_WORDS: dict[Call, str] = {"positive": "yes", "negative": "no", "unsure": "unsure"}


def ask_for_call(session: Session, bundle: Bundle, film: Film) -> None:
    """Buttons for the call that is due, the first or the final; the keys P, N and U do the same."""
    finding, read = bundle.card.findings[0], session.reads[film.key]
    if read.first is None:
        st.markdown(f"**Your own call first: {finding.positive}?**")
        st.caption(
            "The model's answer follows your call, its threshold and curves your final one. The "
            "films stand in the order they came."
        )
    else:
        st.markdown(f"You said **{read.first}**. Your final call?")
    for cell, (call, words) in zip(st.columns(3, gap="xsmall"), CALL_WORDS.items(), strict=True):
        cell.button(
            f"{capitalised(words)} ({call[0].upper()})",
            key=f"call {call}",
            on_click=record_call,
            args=(session, bundle, film, call),
            width="stretch",
        )


def show_summary(session: Session) -> None:
    """What the reader did with the model so far."""
    reads = closed_reads(session)
    if not reads:
        return
    summary = summarise_reads(reads)
    before, after = (_agreement_words(one) for one in (summary.before, summary.after))
    st.html(
        f'<div class="notice" role="note"><b>Your reads: {summary.films} '
        f"film{'' if summary.films == 1 else 's'}.</b> {summary.first_seconds:.0f} s to the "
        f"first call, {summary.final_seconds:.0f} s from there to the final one (medians). "
        f"Agreement with the model before seeing it {before}, after {after}. You changed your "
        f"mind on {summary.changed}: {summary.towards} towards the model, {summary.away} away "
        "from it.</div>"
    )


def _agreement_words(agreement: Agreement | None) -> str:
    if agreement is None:
        return "unknown"
    return rate_words(agreement.share) + (f", kappa {agreement.kappa}" if agreement.kappa else "")
