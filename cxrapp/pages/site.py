"""Your own films: how the model does at this site, and where to put its threshold."""

from datetime import date

import numpy as np
import streamlit as st
from scipy.special import expit

from cxrapp.errors import UnusableTable
from cxrapp.figures.charts import roc_figure
from cxrapp.figures.cohort_charts import reliability_figure
from cxrapp.films.archive_files import entry_names
from cxrapp.model.bundle import Bundle
from cxrapp.model.card import ModelCard
from cxrapp.model.scores import Scores
from cxrapp.panels.intake import NAMED, show_progress
from cxrapp.panels.uploads import dropped, let_go
from cxrapp.panels.widgets import offer_file, show_figure
from cxrapp.server.bundles import BY_DIGEST, choose_bundle
from cxrapp.server.sessions import current_session
from cxrapp.session.film import Film
from cxrapp.session.saved_points import dump_points
from cxrapp.session.session import Session
from cxrapp.site.assess import CAVEATS, GOOD_FILMS, SiteReport, assess, site_scores
from cxrapp.site.labels import SiteLabels, read_labels
from cxrapp.site.recalibrate import recalibrate
from cxrapp.site.report import describe, summarise, to_points
from cxrapp.site.sheet import check_sheet, decode_sheet
from cxrapp.statistics.curves import reliability
from cxrapp.words import capitalised, escape_markdown, percent, rate_words, threshold_words

MISREAD, ROW = 24, 8  # films shown, and side by side


def show() -> None:
    """The page."""
    here = current_session()
    model, intake, kind = st.columns([1, 2.2, 0.6], vertical_alignment="center")
    with model:
        bundle = choose_bundle()
    folder = kind.toggle("Upload whole folders", key="site folder")
    with intake.container(key="labelled"):
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
        st.success("The table is in. Now drop the films it is about.")
    st.markdown(
        "### How does the model do here?\n"
        "Drop films of your own whose answer you know, either\n"
        "- a ZIP or a folder whose subfolders are the answers: `NORMAL`, `PNEUMONIA`, "
        "`bacterial pneumonia` and so on; or\n"
        "- films together with a table, CSV: a column `file`, a column for each finding "
        "(`pneumonia`, `viral`) with yes or no, and if you can a column `patient`.\n\n"
        "You get one recommended threshold a finding, with the reason; the ROC curve and the "
        "calibration on your films; the films that were misread; and files to keep the settings."
    )
    st.caption(
        "The answers are checked before any film is screened. Nothing leaves this machine, and "
        "nothing is written to its disk."
    )


def _take_in(here: Session, bundle: Bundle, *, folder: bool) -> None:
    uploads = dropped(here, "labelled", "Labelled films", folder=folder)
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
    sheet = texts[-1] if texts else here.sheet
    names = [path for one in films for path in entry_names(one.name, one.getvalue())]
    labels = read_labels(bundle.card, names, sheet)
    if names and np.isnan(labels.labels).all():
        _say_unlabelled(labels)
        return
    here.sheet = sheet
    here.site.add(bundle, [(one.name, one.getvalue()) for one in films])
    let_go(here, uploads)


def _say_unlabelled(labels: SiteLabels) -> None:
    """Before minutes are spent on films that could not be counted."""
    lines = "\n".join(f"- {escape_markdown(one)}" for one in labels.problems[:NAMED])
    st.error(
        f"Nothing was screened: none of the {len(labels.names):,} files has a label. Drop the "
        f"table first or together with them, or put them in folders named by what they show.\n"
        f"{lines}"
    )


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
    words, clear = st.columns([5, 1], vertical_alignment="center")
    words.caption(escape_markdown(labels.grouping))
    clear.button("Remove these films", key="site clear", on_click=here.clear_site, width="stretch")


def _show_reports(here: Session, bundle: Bundle, films: list[Film], labels: SiteLabels) -> None:
    goal_cell, width_cell, _ = st.columns([1, 1, 2])
    goal = goal_cell.number_input(
        "Sensitivity to keep, %", 50.0, 99.9, 95.0, 0.5, "%.1f", key="site goal"
    )
    width = width_cell.number_input(
        "Wanted precision, plus or minus points", 1.0, 20.0, 5.0, 0.5, "%.1f", key="site width"
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
    shown = [film for film, one in zip(films, known, strict=True) if one]
    for k, report in enumerate(reports):
        scores = site_scores(
            bundle.card,
            report.finding,
            labels.labels[known, k],
            logits[known, k],
            labels.patients[known],
        )
        labelled = [
            film
            for film, label in zip(shown, labels.labels[known, k], strict=True)
            if not np.isnan(label)
        ]
        _show_report(here, bundle, report, scores, labelled)
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


def _show_report(
    here: Session, bundle: Bundle, report: SiteReport, scores: Scores, films: list[Film]
) -> None:
    """One finding: the advice, what it rests on, and the films that were misread.

    Args:
        scores: Of `films`, those with a label for the finding.
    """
    card = bundle.card
    finding = card.findings[card.index(report.finding)]
    with st.container(border=True):
        _recommend(here, card, report, capitalised(finding.positive))
        if not films:
            return
        picture, calibration, words = st.columns([1, 1, 1.4])
        point = report.recommended.point if report.sound else report.own
        if report.roc and point:
            with picture:
                show_figure(roc_figure(report.roc, point), f"site roc {report.finding}")
        if report.calibration:
            with calibration:
                curves = {"as the model says": reliability(scores)}
                line = report.calibration
                if line.slope:
                    right = expit(line.slope.value * scores.log_odds + line.intercept.value)
                    curves["recalibrated"] = reliability(scores.by(right))
                show_figure(reliability_figure(curves), f"site calibration {report.finding}")
        words.markdown("\n".join(f"- {escape_markdown(s)}" for s in describe(report)))
        for warning in report.warnings[1:]:
            st.caption(escape_markdown(warning))
        _show_misread(here, card, report, scores, films)


def _recommend(here: Session, card: ModelCard, report: SiteReport, finding: str) -> None:
    """One piece of advice, with its reason, and the way to follow it."""
    current = here.setting(card, report.finding).threshold
    kept = threshold_words(current)
    if not report.sound:
        reason = report.warnings[0]
        st.markdown(f"### {finding}: keep {kept}")
        st.markdown(
            f"because these films cannot carry a threshold of their own. {escape_markdown(reason)}"
        )
        return
    value = report.recommended.threshold.value
    found, rightly = report.recommended.point.sensitivity, report.recommended.point.specificity
    because = (
        f"because on these films it finds {rate_words(found)} of those with the finding and does "
        f"not flag {rate_words(rightly)} of the others."
    )
    if abs(current - value) < 5e-4:
        st.markdown(f"### {finding}: keep {kept}\n{because}")
        return
    words, button = st.columns([3, 1], vertical_alignment="bottom")
    words.markdown(f"### {finding}: use {threshold_words(value)} instead of {kept}\n{because}")
    button.button(
        f"Screen with {threshold_words(value)}",
        key=f"site use {report.finding}",
        on_click=here.change,
        args=(card, report.finding),
        kwargs={"threshold": value, "abstain_from": None},
        type="primary",
        width="stretch",
    )


def _show_misread(
    here: Session, card: ModelCard, report: SiteReport, scores: Scores, films: list[Film]
) -> None:
    """The films behind the counts, at the threshold in use."""
    threshold = here.setting(card, report.finding).threshold
    called = scores.probabilities >= threshold
    kinds = {
        "Missed": scores.labels & ~called,
        "False alarms": ~scores.labels & called,
    }
    chosen = st.pills(
        "Misread films",
        list(kinds),
        format_func=lambda name: f"{name} at {threshold_words(threshold)}: {kinds[name].sum()}",
        key=f"site misread {report.finding}",
        label_visibility="collapsed",
    )
    if not chosen:
        return
    # The worst first: furthest on the wrong side of the threshold.
    order = np.argsort(-np.abs(scores.probabilities - threshold))
    wrong = [n for n in order if kinds[chosen][n]]
    for start in range(0, min(len(wrong), MISREAD), ROW):
        for cell, n in zip(st.columns(ROW), wrong[start : start + ROW], strict=False):
            name = films[n].name.rsplit("/", 1)[-1]
            cell.image(films[n].thumbnail, width="stretch", alt=name)
            cell.caption(f"{escape_markdown(name)}, {percent(scores.probabilities[n])}")
    if len(wrong) > MISREAD:
        st.caption(f"and {len(wrong) - MISREAD} more")


def _offer_files(bundle: Bundle, reports: list[SiteReport], labels: SiteLabels) -> None:
    today, card = date.today(), bundle.card
    settings, numbers, recalibrated, words = st.columns([1, 1, 1, 1])
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
    if card_here := recalibrate(card, reports, today):
        with recalibrated:
            offer_file(
                "Recalibrated model, JSON",
                card_here.to_json(),
                f"{card.name}.json",
                "application/json",
                "site card",
            )
        words.caption(
            f"The recalibrated model: put it in the place of {card.name}.json in the weights "
            "folder and start the app anew. Decisions stay, probabilities become those of your "
            "films."
        )
    else:
        words.caption(
            f"A recalibrated model rests on {GOOD_FILMS} films of each kind or more, whose scores "
            "overlap."
        )
