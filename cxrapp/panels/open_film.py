"""The open film: whose it is, and what its reader does with it beside looking."""

from datetime import datetime

import streamlit as st

from cxrapp.model.bundle import Bundle
from cxrapp.panels.first_read import CALL_WORDS
from cxrapp.session.film import Film
from cxrapp.session.first_reads import is_reading, record_call
from cxrapp.session.session import Session
from cxrapp.words import SEXES, age_words, capitalised, date_words, escape_markdown, taken_words

MAX_COMMENT = 2000  # characters


def show_heading(session: Session, bundle: Bundle, film: Film) -> None:
    """Where the reader is on the list, and plain buttons for what the keys do as well."""
    reviewed = film.key in session.reviewed
    words, review, more = st.columns([1.15, 1.1, 1], gap="xsmall", vertical_alignment="center")
    words.markdown(f"**{place_words(session, film)}**")
    review.button(
        "✓ Undo" if reviewed else "Reviewed",
        key="reviewed",
        help="Marked as reviewed; press to take it back (R)" if reviewed else "Done with it (R)",
        on_click=session.toggle_reviewed,
        args=(film.key,),
        type="primary" if reviewed else "secondary",
        width="stretch",
    )
    with more.popover("This film", width="stretch"):
        _show_tags(session, film)
        if not is_reading(session, film):
            _ask_for_word(session, bundle, film)
        st.button(
            "Remove this film",
            key="remove film",
            help="From this session, with all that was done with it. There is no way back.",
            on_click=session.remove,
            args=(film,),
            width="stretch",
        )


def offer_names(session: Session) -> None:
    """The switch for everything that says whose film it is; remembered by the session."""
    st.session_state.setdefault("identified", session.identified)  # also after a reload
    session.identified = st.toggle(
        "Names",
        key="identified",
        persist_state="session",
        help="Name, ID and times from DICOM; otherwise hidden and never exported.",
    )


def place_words(session: Session, film: Film) -> str:
    """Where it stands in the list as it is sorted now."""
    return f"Film {session.order.index(film.key) + 1} of {len(session.order)}"


def person_facts(film: Film, now: datetime, *, identified: bool) -> tuple[str, ...]:
    """Age and sex; where names are shown, also when the film was taken and its wait."""
    tags = film.tags
    age = None if tags.age_years is None else age_words(tags.age_years)
    taken = _taken(film) if identified else None
    facts = (age, SEXES.get(tags.sex or "", tags.sex), taken and taken_words(taken, now))
    return tuple(fact for fact in facts if fact)


def _taken(film: Film) -> datetime | None:
    day, clock = film.tags.study.date, film.tags.study.time
    try:
        return datetime.strptime(f"{day}{(clock or '')[:4]}", "%Y%m%d%H%M")
    except ValueError:
        return None


def _show_tags(session: Session, film: Film) -> None:
    """What the file says, of the patient only where names are on."""
    tags, patient, study = film.tags, film.tags.patient, film.tags.study
    facts = {
        "File": film.name.rsplit("/", 1)[-1],
        "Age, sex": ", ".join(person_facts(film, datetime.now(), identified=False)),
        "View": tags.view,
        "Modality": tags.modality,
        "Body part": tags.body_part,
        "Pixel spacing": tags.spacing_mm and f"{tags.spacing_mm[0]:.3g} mm",
    }
    if session.identified:
        facts |= {
            "Patient": session.patient_words(film),
            "Born": patient.birth_date and date_words(patient.birth_date),
            "Taken": study.date and date_words(study.date),
            "Accession": study.accession,
        }
    lines = [f"{name}: **{escape_markdown(value)}**" for name, value in facts.items() if value]
    st.markdown("  \n".join(lines))
    if not session.identified and (patient.name or patient.patient_id):
        st.caption("Whose film it is stands in the file; switch Names on above the list.")


def _ask_for_word(session: Session, bundle: Bundle, film: Film) -> None:
    """The reader's own call and comment, which go to the exports."""
    st.markdown(f"**Your call: {bundle.card.findings[0].positive}?**")
    said = session.call(film)
    for cell, (call, words) in zip(
        st.columns([1, 1, 1.4], gap="xsmall"), CALL_WORDS.items(), strict=True
    ):
        cell.button(
            f"{capitalised(words)} ({call[0].upper()})",
            key=f"own call {call}",
            help=None if session.blinded else "Press it again to take it back.",
            on_click=record_call,
            args=(session, bundle, film, call),
            type="primary" if said == call else "secondary",
            width="stretch",
        )
    key = f"comment {film.key}"

    def keep() -> None:
        session.comments[film.key] = st.session_state[key].strip()

    st.text_area(
        "Comment",
        session.comments.get(film.key, ""),
        key=key,
        max_chars=MAX_COMMENT,
        height=80,
        on_change=keep,
        help="Exported only with names, IDs and dates: a comment may name somebody.",
    )
