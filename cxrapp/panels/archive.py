"""Films from the hospital's archive, and results back to it; nothing where none is set up."""

import logging
from collections.abc import Callable, Iterable
from datetime import date, datetime

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cxrapp.archive.browse import Listed, Period, Search, find, find_priors, send
from cxrapp.archive.client import Archive
from cxrapp.archive.entries import FILM_MODALITIES, ArchivedInstance, ArchivedStudy, value
from cxrapp.archive.settings import load_settings
from cxrapp.errors import CxrError
from cxrapp.films.names import read_moment
from cxrapp.model.bundle import Bundle
from cxrapp.panels.open_film import offer_names
from cxrapp.report.case import Case
from cxrapp.session.session import Session
from cxrapp.words import (
    SEXES,
    age_words,
    capitalised,
    escape_markdown,
    percent,
    person_words,
    wait_words,
)

PERIODS: tuple[Period | str, ...] = ("Last night", "Today", "Last 7 days", "Any time", "Days")
WIDTHS = [2.4, 1.1, 1.3, 1.0, 2.2, 0.8]  # of the list's columns
ORDERS = {
    "Most urgent first": lambda one: one.urgency,
    "Longest wait first": lambda one: (one.result is not None, one.study.asked),
    "Newest first": None,  # as found
}

log = logging.getLogger(__name__)


def is_set_up() -> bool:
    """Whether there is an archive; a setting that cannot be used is shown when it is opened."""
    try:
        return load_settings() is not None
    except CxrError:
        return True


def show_archive(session: Session, bundle: Bundle, cell: DeltaGenerator) -> None:
    """A button that opens the archive's films of last night, and those of other searches.

    Args:
        cell: Where the button goes; the list opens at the current place of the page.
    """
    cell.button(
        "Close the archive" if session.archive_open else "Open from the archive",
        key="archive",
        on_click=setattr,
        args=(session, "archive_open", not session.archive_open),
        width="stretch",
    )
    if session.archive_open:
        with st.container(border=True, key="box-archive"):
            _show_panel(session, bundle)


@st.fragment
def _show_panel(session: Session, bundle: Bundle) -> None:
    search = _ask()
    if search is None:
        return
    try:
        archive = _connect()
        with st.spinner("Asking the archive"):
            listed, more = find(archive, search, datetime.now(), session.archived)
    except CxrError as error:
        st.error(escape_markdown(str(error)))
        st.button("Try again", key="archive again")
        return
    if not listed:
        st.caption("The archive has no such chest films.")
        return
    if not session.worklist.films:  # else the switch stands above their list
        offer_names(session)
    blinded = session.blinded  # then neither results nor an order that tells them
    order, count, all_ = st.columns([1.6, 3, 1.6], vertical_alignment="center")
    chosen = order.selectbox(
        "Order of the archive's films", list(ORDERS), label_visibility="collapsed", key="archive by"
    )
    if ORDERS[chosen] and not blinded:
        listed = sorted(listed, key=ORDERS[chosen])
    films = [film for one in listed for film in one.films]
    words = f"{len(listed)} studies, {len(films)} films"
    words += f"; {more} older studies are not shown, narrow the search" if more else ""
    words += "; results are hidden, as your reads are blinded" if blinded else ""
    count.caption(words)
    words = f"Open all {len(films)} films"
    if all_.button(words, key="archive all", width="stretch", type="primary"):
        _open(session, bundle, listed)
    with st.container(height=min(42 * len(listed) + 16, 400), border=False, key="archive-list"):
        for one in listed:
            _show_study(session, bundle, one)


def _ask() -> Search | None:
    """What the reader looks for; None while they have chosen the first of two days only."""
    period, patient, accession, modality = st.columns([3.2, 1.6, 1.4, 1.2])
    chosen = period.segmented_control(
        "Films of", PERIODS, default=PERIODS[0], required=True, key="archive period"
    )
    days = None
    if chosen == "Days":
        given = period.date_input(
            "From and to", (date.today(), date.today()), label_visibility="collapsed"
        )
        if len(given) < 2:
            return None
        days, chosen = given, "Any time"
    return Search(
        chosen,
        days,
        patient.text_input("Patient", placeholder="number or name", key="archive patient"),
        accession.text_input("Accession", key="archive accession"),
        tuple(
            modality.pills(
                "Modality",
                FILM_MODALITIES,
                default=FILM_MODALITIES,
                selection_mode="multi",
                key="archive modality",
            )
        )
        or FILM_MODALITIES,
    )


def _show_study(session: Session, bundle: Bundle, one: Listed) -> None:
    who, made, wait, films, result, open_ = st.columns(WIDTHS, vertical_alignment="center")
    who.markdown(_who(session, one.study))
    moment = one.study.moment
    made.markdown(f"{moment:%d %b %H:%M}" if moment else "no date")
    wait.caption(wait_words(moment, datetime.now()) if moment and one.result is None else "")
    films.caption(f"{len(one.films)} film{'' if len(one.films) == 1 else 's'}")
    _show_result(session, one, result)
    if open_.button("Open", key=f"archive open {one.study.uid}", width="stretch"):
        _open_with_priors(session, bundle, one)


def _who(session: Session, study: ArchivedStudy) -> str:
    """Sex and age; name and number only where the reader asked for them."""
    parts = [SEXES.get(value(study.entry, "PatientSex"), ""), _age(study)]
    words = ", ".join(filter(None, parts)) or "age unknown"
    if not session.identified:
        return capitalised(words)
    names = (person_words(study.patient_name), study.patient_id)
    return f"**{escape_markdown(' · '.join(filter(None, names)))}**, {words}"


def _age(study: ArchivedStudy) -> str:
    born = read_moment(value(study.entry, "PatientBirthDate"))
    if born is None:
        return ""
    years = ((study.moment or datetime.now()) - born).days / 365.25
    return age_words(years) if years >= 0 else ""


def _show_result(session: Session, one: Listed, cell: DeltaGenerator) -> None:
    found = one.result
    if session.blinded:
        return
    if found is None:
        cell.caption("no result yet")
    elif found.outcome is None:
        cell.markdown("In the archive: refused")
    else:
        said = f", reader: {found.reader_call}" if found.reader_call else ""
        words = f"{found.finding} {found.outcome}, {percent(found.probability)}{said}"
        cell.markdown(f"In the archive: **{escape_markdown(words)}**")


def _open_with_priors(session: Session, bundle: Bundle, one: Listed) -> None:
    try:
        priors = find_priors(_connect(), one.study, session.archived)
    except CxrError:  # opening the study says the same, or works without
        priors = []
    _open(session, bundle, [one, *priors], prior_from=1)


def _open(
    session: Session, bundle: Bundle, listed: Iterable[Listed], prior_from: int | None = None
) -> None:
    """Films go to the worklist, fetched in the background one after the other.

    Args:
        prior_from: The studies from here on are priors.
    """
    there = {film.tags.source.sop_instance for film in list(session.worklist.films.values())}
    uploads = []
    try:
        archive = _connect()
    except CxrError:
        return  # the panel, drawn anew, says why
    for number, one in enumerate(listed):
        prior = prior_from is not None and number >= prior_from
        for film in one.films:
            if film.uid not in there:
                name = _film_name(one.study, film, prior=prior)
                uploads.append((name, lambda film=film: archive.fetch(film)))
    session.worklist.add(bundle, uploads)
    session.archive_open = False
    st.rerun()


def _film_name(study: ArchivedStudy, film: ArchivedInstance, *, prior: bool) -> str:
    """What a film is called that has no file: when it was made, and its place in the study."""
    moment = f"{study.moment:%Y-%m-%d %H.%M}" if study.moment else "no date"
    series, number = film.numbers
    return f"{'prior ' if prior else ''}{moment} {film.modality} {series}.{number}"


def offer_sending(bundle: Bundle, cases: Callable[[], list[Case]]) -> None:
    """A button that puts the results of these films beside them in the archive."""
    if not is_set_up() or not st.button(
        "Send to the archive",
        key="archive send",
        width="stretch",
        help="Structured report and pictures go into the film's own study, with the patient's "
        "name and number as the archive has them.",
    ):
        return
    sent, faults = 0, {}
    with st.spinner("Sending"):
        for case in cases():
            try:
                send(_connect(), bundle.card, case)
                sent += 1
            except CxrError as error:
                faults[str(error)] = faults.get(str(error), 0) + 1
    if sent:
        log.info("sent to the archive", extra={"films": sent, "bundle": bundle.card.sha256})
        st.success(f"The results of {sent} film{'' if sent == 1 else 's'} are in the archive.")
    for fault, count in faults.items():
        st.error(f"{count} not sent. {escape_markdown(fault)}")


def _connect() -> Archive:
    settings = load_settings()
    if settings is None:
        raise CxrError("No archive is set up any more.")
    return Archive(settings)
