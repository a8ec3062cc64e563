"""Results out: the table of all films, and files a hospital can keep."""

import io
from dataclasses import replace
from datetime import datetime
from operator import attrgetter

import streamlit as st

from cxrapp.figures.pictures import film_picture
from cxrapp.model.bundle import Bundle
from cxrapp.model.decision import Decisions
from cxrapp.panels.archive import offer_sending
from cxrapp.panels.heat_maps import compare_chosen
from cxrapp.panels.widgets import offer_file
from cxrapp.report.case import Case, grad_cam_maps
from cxrapp.report.formats import FORMATS
from cxrapp.report.release import measure_threshold, weakness
from cxrapp.report.table import (
    COLUMNS,
    context_columns,
    context_rows,
    film_rows,
    inert,
    rejection_rows,
    table_writer,
)
from cxrapp.session.film import Film
from cxrapp.session.first_reads import closed_reads
from cxrapp.session.session import Session
from cxrapp.session.worklist import Result
from cxrapp.statistics.reader_agreement import COLUMNS as READ_COLUMNS
from cxrapp.statistics.reader_agreement import Read, rows
from cxrapp.words import escape_markdown, evidence_words, one_line, weak_words

# Column -> where its value stands in the tags of the film.
IDENTITY_COLUMNS = {
    "patient": attrgetter("patient.name"),
    "patient_id": attrgetter("patient.patient_id"),
    "birth_date": attrgetter("patient.birth_date"),
    "study_date": attrgetter("study.date"),
    "accession": attrgetter("study.accession"),
    "study_uid": attrgetter("study.uid"),
}
OWN_COLUMNS = ("model_sha256", "reviewed", "reader_call", "caution")
# The command line's table, from which models are measured, has the number of every film.
HIDDEN = dict.fromkeys(("probability", "ward_prevalence", "ward_probability"), "")


def offer_exports(session: Session, bundle: Bundle, films: list[Film]) -> None:
    """One button a format. A file is made when its button is pressed, at the settings of then.

    Drawn with the viewer, so that "the open film" is the one in sight.
    """
    if session.unread:
        st.caption("Available after your reads: the files hold the model's answers.")
        return
    identified = st.toggle(
        "With names, IDs and dates",
        key="export identified",
        persist_state="session",
        help="From DICOM. Without them a film is named by a fingerprint of its pixels.",
    )
    scope = st.segmented_control(
        "Films", ["The open film", "All films"], default="The open film", required=True, key="scope"
    )
    if scope == "All films":
        chosen, name = films, "films"
        st.caption(f"{len(films)} films in the file")
    else:
        chosen = [film for film in films if film.key == session.current]
        name = "-".join(f"film-{int(film.key) + 1}" for film in chosen)
        st.caption(
            " ".join(f"**{escape_markdown(session.display_name(film))}**" for film in chosen)
        )
    for key, form in FORMATS.items():
        offer_file(
            form.label,
            lambda form=form: form.write(
                bundle.card, cases(session, bundle, chosen), identified=identified
            ),
            f"cxrapp-{name}{form.suffix}",
            form.mime,
            f"export {key}",
        )
    offer_sending(bundle, lambda: cases(session, bundle, chosen))
    offer_file(
        "Table of all films, CSV",
        lambda: table(session, bundle, films, identified=identified),
        "worklist.csv",
        "text/csv",
        "export table",
    )
    if reads := closed_reads(session):
        offer_file(
            "Reads, CSV", lambda: _reads_table(reads), "reads.csv", "text/csv", "export reads"
        )


def cases(session: Session, bundle: Bundle, films: list[Film]) -> list[Case]:
    """All there is to write about the films, at the settings."""
    now = datetime.now()
    return [_case(session, bundle, film, now) for film in films]


def _case(session: Session, bundle: Bundle, film: Film, now: datetime) -> Case:
    result = session.worklist.result(film, bundle)
    return Case(
        film.name,
        film_picture(film.unpack().pixels),
        session.decide(bundle.card, result),
        result.verdict,
        result.prediction.distance,
        screened=now,
        heat_maps=grad_cam_maps(
            bundle,
            result.prediction.feature_map,
            result.lungs,
            compare_chosen(session, bundle, film, result),
        ),
        overruled=session.is_overruled(film, bundle),
        lungs=result.lungs,
        reader_call=session.call(film),
        comment=session.comments.get(film.key, ""),
        tags=film.tags,
        prevalences=session.ward(bundle.card),
    )


def table(session: Session, bundle: Bundle, films: list[Film], *, identified: bool) -> str:
    """The rows of the command line, and what only a session knows."""
    file = io.StringIO()
    whose = (*IDENTITY_COLUMNS, "comment") if identified else ()
    card, ward = bundle.card, session.ward(bundle.card)
    settings = session.settings(card)
    performance = {
        name: measure_threshold(card, name, setting.threshold) for name, setting in settings.items()
    }
    columns = (*COLUMNS, *OWN_COLUMNS, *context_columns(card), *whose)
    writer = table_writer(file, columns)
    for film in films:
        result, call = session.worklist.result(film, bundle), session.call(film)
        own = {
            "model_sha256": card.sha256,
            "reviewed": film.key in session.reviewed,
            "reader_call": call or "",
        }
        if identified:
            own |= _identity(film, session.comments.get(film.key))
        decisions = session.decide(card, result)
        rows = film_rows(
            film.name if identified else film.fingerprint,
            decisions,
            result.verdict,
            overruled=session.is_overruled(film, bundle),
        )
        contexts = context_rows(card, decisions, ward, performance)
        cautions = [""] * len(rows)
        if not session.is_withheld(film, bundle):
            cautions = _cautions(bundle, result, decisions)
        writer.writerows(
            row | own | more | {"caution": caution} | ({} if shown(row) else HIDDEN)
            for row, more, caution in zip(rows, contexts, cautions, strict=True)
        )
    for number, rejection in enumerate(session.worklist.rejections, start=1):
        if not identified:
            rejection = replace(rejection, name=f"unread file {number}")
        writer.writerows(rejection_rows(card, rejection, settings))
    return file.getvalue()


def _cautions(bundle: Bundle, result: Result, decisions: Decisions) -> list[str]:
    """What stands beside each finding's answer on the screen: that the model is weak at it, and
    that the map of one read as present has too little of its evidence in the lungs."""
    found = None
    if result.lungs and any(decision.outcome == "positive" for decision in decisions):
        found = grad_cam_maps(bundle, result.prediction.feature_map, result.lungs).in_lungs
    cautions = []
    for k, decision in enumerate(decisions):
        words = []
        if decision.outcome != "not asked" and (weak := weakness(bundle.card, decision.finding)):
            words.append(weak_words(weak))
        if found and decision.outcome == "positive" and found.is_low(k):
            inside = evidence_words(found.inside[k], found.chance[k], found.zones[k])
            words.append(f"Only {inside}: do not rely on the map.")
        cautions.append(" ".join(words))
    return cautions


def shown(row: dict[str, str]) -> bool:
    """Whether the page shows a number: not of a refused film, nor of what was not asked."""
    return row["decision"] not in ("", "not asked")


def _identity(film: Film, comment: str | None) -> dict[str, str]:
    """Whose film it is, as its file says, and what its reader says, harmless for a spreadsheet."""
    values = {column: read(film.tags) for column, read in IDENTITY_COLUMNS.items()}
    values["comment"] = comment
    return {column: inert(one_line(value or "")) for column, value in values.items()}


def _reads_table(reads: list[Read]) -> str:
    file = io.StringIO()
    writer = table_writer(file, READ_COLUMNS)
    writer.writerows(row | {"film": inert(row["film"])} for row in rows(reads))
    return file.getvalue()
