"""Your own films: how the model does at this site, and where to put its threshold."""

from datetime import date

import numpy as np
import streamlit as st

from cxrapp.errors import UnusableTable
from cxrapp.figures.cohort_charts import roc_figure
from cxrapp.model.bundle import Bundle
from cxrapp.model.card import ModelCard
from cxrapp.panels.intake import NAMED, show_progress
from cxrapp.panels.widgets import offer_file, show_figure
from cxrapp.server.bundles import BY_DIGEST, choose_bundle
from cxrapp.server.sessions import current_session, forget_uploads
from cxrapp.session.film import Film
from cxrapp.session.saved_points import dump_points
from cxrapp.session.session import Session
from cxrapp.site.assess import CAVEATS, SiteReport, assess
from cxrapp.site.labels import SiteLabels, read_labels
from cxrapp.site.report import describe, summarise, to_points
from cxrapp.site.sheet import check_sheet, decode_sheet
from cxrapp.words import capitalised, escape_markdown


def show() -> None:
    """The page."""
    here = current_session()
    model, intake, kind = st.columns([1, 2.2, 0.6], vertical_alignment="center")
    with model:
        bundle = choose_bundle()
    folder = kind.toggle("Whole folders", key="site folder")
    with intake:
        _take_in(here, bundle, folder=folder)
    here.site.request(bundle)
    working = here.site.progress is not None  # before the results, as on the first page
    films = here.site.scored(bundle)
    if working:
        show_progress(here.site, bundle, len(films))
        return  # a measure of some of the films would mislead
    if not films:
        _explain(labelled=here.sheet is not None)
        return
    if here.site.given_up:
        st.warning(
            f"Stopped before {here.site.given_up} of your files were screened: what follows is "
            "measured on the others alone. To measure all, remove them and drop all again."
        )
    labels = _read_labels(here, bundle, films)
    _show_problems(here, labels)
    _show_reports(here, bundle, films, labels)


def _explain(*, labelled: bool) -> None:
    if labelled:
        st.success("The labels are in. Now drop the films they are about.")
    st.markdown(
        "### How does the model do here?\n"
        "Drop labelled films of your own: a ZIP or a folder whose subfolders are the labels "
        "(`NORMAL`, `PNEUMONIA`, `bacterial pneumonia` and so on), or films together with a CSV "
        "that has a column `file`, a column for each finding (`pneumonia`, `viral`) with yes or "
        "no, and if you can a column `patient`."
    )
    st.caption(
        "You get the ROC curve, the calibration and a recommended threshold for your films, each "
        "with its interval, how many more films a sharper answer needs, and a settings file. "
        "Nothing leaves this machine, and nothing is written to its disk."
    )


def _take_in(here: Session, bundle: Bundle, *, folder: bool) -> None:
    uploads = st.file_uploader(
        "Labelled films",
        accept_multiple_files="directory" if folder else True,
        key=f"site uploads {here.uploads} {folder}",
        label_visibility="collapsed",
    )
    if not uploads:
        return
    sheets = [one for one in uploads if one.name.lower().endswith(".csv")]
    films = [one for one in uploads if one not in sheets]
    texts = [decode_sheet(sheet.getvalue()) for sheet in sheets]
    try:  # before any film is screened for it
        for text in texts:
            check_sheet(bundle.card.findings, text)
    except UnusableTable as error:
        st.error(escape_markdown(str(error)))
        return
    for text in texts:
        here.sheet = text
    here.site.add(bundle, [(one.name, one.getvalue()) for one in films])
    forget_uploads(uploads)
    here.uploads += 1
    st.rerun()


def _read_labels(here: Session, bundle: Bundle, films: list[Film]) -> SiteLabels:
    tags = {film.name: film.tags.patient.patient_id for film in films}
    names = [film.name for film in films]
    return read_labels(bundle.card, names, here.sheet, dicom_patients=tags)


def _show_problems(here: Session, labels: SiteLabels) -> None:
    problems = [f"{r.name}: {r.reason}" for r in here.site.rejections] + list(labels.problems)
    if problems:
        lines = [f"- {escape_markdown(problem)}" for problem in problems[:NAMED]]
        if len(problems) > NAMED:
            lines.append(f"- and {len(problems) - NAMED} more")
        st.warning("\n".join(["Not used:", *lines]))
    words, clear = st.columns([6, 1], vertical_alignment="center")
    words.caption(escape_markdown(labels.grouping))
    clear.button("Remove them", key="site clear", on_click=here.clear_site, width="stretch")


def _show_reports(here: Session, bundle: Bundle, films: list[Film], labels: SiteLabels) -> None:
    goal_cell, width_cell, _ = st.columns([1, 1, 2])
    goal = goal_cell.number_input("Sensitivity to keep, %", 50.0, 99.9, 95.0, 0.5, key="site goal")
    width = width_cell.number_input(
        "Wanted precision, plus or minus points", 1.0, 20.0, 5.0, 0.5, key="site width"
    )
    results = [here.site.result(film, bundle) for film in films]
    known = np.array([not result.verdict.refused for result in results])
    if not known.all():
        st.caption(f"{(~known).sum()} films are refused by this model and left out.")
    logits = np.array([result.prediction.logits for result in results])
    reports = [
        _assess(
            bundle.card,
            finding.name,
            labels.labels[known, k],
            logits[known, k],
            labels.patients[known],
            goal / 100,
            width / 100,
        )
        for k, finding in enumerate(bundle.card.findings)
    ]
    for report in reports:
        _show_report(here, bundle, report)
    for caveat in CAVEATS:
        st.caption(escape_markdown(caveat))
    _offer_files(bundle, reports, labels)


@st.cache_data(max_entries=50, show_spinner="Measuring", hash_funcs=BY_DIGEST)
def _assess(
    card: ModelCard,
    finding: str,
    labels: np.ndarray,
    logits: np.ndarray,
    patients: np.ndarray,
    goal: float,
    half_width: float,
) -> SiteReport:
    return assess(card, finding, labels, logits, patients, goal=goal, half_width=half_width)


def _show_report(here: Session, bundle: Bundle, report: SiteReport) -> None:
    card = bundle.card
    finding = card.findings[card.index(report.finding)]
    with st.container(border=True):
        st.markdown(f"##### {capitalised(finding.positive)}")
        picture, words = st.columns([1, 2])
        point = report.recommended.point if report.recommended else report.own
        if report.roc and point:
            with picture:
                show_figure(roc_figure(report.roc, point), f"site roc {report.finding}")
        with words:
            for warning in report.warnings:
                st.warning(escape_markdown(warning))
            st.markdown(
                "\n".join(f"- {escape_markdown(sentence)}" for sentence in describe(report))
            )
            _offer_threshold(here, card, report)


def _offer_threshold(here: Session, card: ModelCard, report: SiteReport) -> None:
    """The way to screen with the recommended threshold, where these films can carry one."""
    current = here.setting(card, report.finding).threshold
    if not report.sound:
        st.caption(
            f"**These films cannot carry a threshold of their own: keep {current:.3f}.** What they "
            "show of the model above holds all the same."
        )
        return
    value = report.recommended.threshold.value
    if abs(current - value) < 5e-4:
        st.success(f"Screening uses {value:.3f} now.")
        return
    st.button(
        f"Screen with {value:.3f} instead of {current:.3f}",
        key=f"site use {report.finding}",
        on_click=here.change,
        args=(card, report.finding),
        kwargs={"threshold": value, "abstain_from": None},
    )


def _offer_files(bundle: Bundle, reports: list[SiteReport], labels: SiteLabels) -> None:
    today, card = date.today(), bundle.card
    settings, numbers, _ = st.columns([1, 1, 2])
    with settings:
        offer_file(
            "Settings file",
            dump_points(card, to_points(reports, today)),
            f"{card.name}-site-settings.json",
            "application/json",
            "site settings",
        )
    with numbers:
        offer_file(
            "All numbers, JSON",
            summarise(card, reports, today, labels.grouping),
            f"{card.name}-site-report.json",
            "application/json",
            "site numbers",
        )
