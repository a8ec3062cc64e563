"""Results out: the table of all films, and files a hospital can keep."""

import io
from datetime import datetime

import streamlit as st

from cxrapp.bundle import Bundle
from cxrapp.explain import grad_cams
from cxrapp.pages.desk import Desk
from cxrapp.pages.first_read import closed_reads
from cxrapp.reads import COLUMNS, Read, rows
from cxrapp.report import (
    FORMATS,
    Case,
    HeatMaps,
    ReaderCall,
    build_case,
    film_rows,
    rejection_rows,
    table_writer,
)
from cxrapp.report.table import inert
from cxrapp.worklist import Film


def offer_exports(desk: Desk, bundle: Bundle, films: list[Film]) -> None:
    """One button a format. A file is made when its button is pressed, at the settings of then."""
    identified = st.toggle(
        "With names, IDs and dates",
        key="export identified",
        help="From DICOM. Without them a film is named by a mark made from its pixels.",
    )
    scope = st.segmented_control(
        "Films", ["The open film", "All films"], default="The open film", required=True, key="scope"
    )
    chosen = films
    if scope == "The open film":
        chosen = [film for film in films if film.key == desk.opened] or films[:1]
    st.caption(f"Films in the file: {len(chosen)}")
    for name, form in FORMATS.items():
        st.download_button(
            form.label,
            lambda form=form: form.write(
                bundle.card, _cases(desk, bundle, chosen), identified=identified
            ),
            f"cxrapp{form.suffix}",
            form.mime,
            key=f"export {name}",
            on_click="ignore",
            width="stretch",
        )
    st.download_button(
        "Table of all films, CSV",
        lambda: _table(desk, bundle, films),
        "worklist.csv",
        "text/csv",
        key="export table",
        on_click="ignore",
        width="stretch",
    )
    if reads := closed_reads(desk):
        st.download_button(
            "Reads, CSV",
            lambda: _reads_table(reads),
            "reads.csv",
            "text/csv",
            key="export reads",
            on_click="ignore",
            width="stretch",
        )


def _cases(desk: Desk, bundle: Bundle, films: list[Film]) -> list[Case]:
    now = datetime.now().astimezone()
    return [_case(desk, bundle, film, now) for film in films]


def _case(desk: Desk, bundle: Bundle, film: Film, now: datetime) -> Case:
    result = desk.worklist.result(film, bundle)
    maps = grad_cams(bundle, result.prediction.feature_map)
    read = desk.reads.get(film.key)
    call = read and (read.final or read.first)
    return build_case(
        film.unpack(),
        result.prediction,
        verdict=result.verdict,
        decisions=desk.decide(bundle.card, result),
        screened=now,
        heat_maps=HeatMaps("Grad-CAM", "adds to the logit, per cell", maps),
        overruled=desk.is_overruled(film, bundle),
        reader=ReaderCall(call) if call else None,
    )


def _table(desk: Desk, bundle: Bundle, films: list[Film]) -> str:
    file = io.StringIO()
    writer = table_writer(file)
    thresholds = {f.name: desk.setting(bundle.card, f.name).threshold for f in bundle.card.findings}
    for film in films:
        result = desk.worklist.result(film, bundle)
        writer.writerows(
            film_rows(
                film.name,
                desk.decide(bundle.card, result),
                result.verdict,
                overruled=desk.is_overruled(film, bundle),
            )
        )
    for rejection in desk.worklist.rejections:
        writer.writerows(rejection_rows(bundle.card, rejection, thresholds))
    return file.getvalue()


def _reads_table(reads: list[Read]) -> str:
    file = io.StringIO()
    table = table_writer(file, COLUMNS)
    table.writerows(row | {"film": inert(row["film"])} for row in rows(reads))
    return file.getvalue()
