"""Screen films: one page from upload to decision, with one threshold a finding behind it all."""

import streamlit as st

from cxrapp.model.bundle import Bundle
from cxrapp.model.card import Finding
from cxrapp.panels.archive import is_set_up, show_archive
from cxrapp.panels.consequences import (
    current_cohort,
    show_consequences,
    show_details,
)
from cxrapp.panels.first_read import ask_for_call, show_summary
from cxrapp.panels.heat_maps import show_film, show_maps
from cxrapp.panels.intake import offer_samples, show_progress, show_rejections, take_in
from cxrapp.panels.open_film import place_words, show_heading
from cxrapp.panels.threshold import show_classes, show_control, show_verdicts
from cxrapp.panels.tour import show_tour
from cxrapp.panels.widgets import show_notice
from cxrapp.panels.worklist import show_worklist
from cxrapp.server.bundles import choose_bundle
from cxrapp.server.sessions import current_session
from cxrapp.session.film import Film
from cxrapp.session.first_reads import is_blinded, is_reading, start_read
from cxrapp.session.session import Session
from cxrapp.session.worklist import Result
from cxrapp.words import NOT_A_DIAGNOSIS, capitalised


def show() -> None:
    """The page."""
    here = current_session()
    with st.container(key="top"):
        widths = [1.5, 2.2, 1.3, 0.9] if is_set_up() else [1.5, 2.2, 0.9]
        model, uploads, *archive, options = st.columns(
            widths, gap="xsmall", vertical_alignment="center"
        )
    with model:
        bundle = choose_bundle()
    with options.popover("Options", width="stretch"):
        _show_options(here)
    with uploads.container(key="intake"):
        take_in(here, bundle)
    for cell in archive:
        show_archive(here, bundle, cell)
    here.worklist.request(bundle)
    # Looked at before the results: what is ready only after that, a tick of the progress shows.
    working = here.worklist.progress is not None
    films = here.worklist.scored(bundle)
    # A place of its own, drawn in or not: what lies below keeps its own, and so its fragments.
    tour = st.container()
    if films:
        with tour:
            show_tour(here)
    if films or working:  # its progress in one place: a second would stay until the run ends
        _workbench(here, bundle, films, working=working)
    else:
        show_rejections(here)
        _welcome(here, bundle)


def _welcome(here: Session, bundle: Bundle) -> None:
    """What this is for, and the way in for somebody who has no film at hand."""
    words, samples = st.columns([1.2, 1], gap="large")
    with words:
        st.markdown("### Drop chest films anywhere on this page, or start with the samples")
        st.markdown(f"**For:** {bundle.card.intended_use}")
        st.markdown(f"**Not for:** {' '.join(bundle.card.out_of_scope)}")
        st.caption(f"{NOT_A_DIAGNOSIS} Films stay in this session's memory, on this machine.")
    with samples:
        offer_samples(here, bundle)


def _show_options(here: Session) -> None:
    scale = st.segmented_control(
        "Threshold scale",
        ["Probability", "Logit"],
        default="Probability",
        key="scale",
        required=True,
        persist_state="session",
    )
    here.logit = scale == "Logit"
    st.session_state.setdefault("blinded", here.blinded)  # also after a reload
    here.blinded = st.toggle(
        "Blinded first read",
        key="blinded",
        persist_state="session",
        help="You make your own call on each film before the model's answer is shown.",
    )
    here.folders = st.toggle(
        "Upload whole folders", key="folder", help="A folder and all in it, instead of files."
    )
    _offer_clear(here)


def _offer_clear(here: Session) -> None:
    """Removing everything asks first: there is no way back."""
    if not st.toggle("Remove all films …", key="clear"):
        return

    def clear() -> None:
        here.clear()
        st.session_state["clear"] = False

    films, reviewed = len(here.worklist.films), len(here.reviewed)
    st.button(f"Remove {films} films and {reviewed} review marks", on_click=clear, width="stretch")


@st.fragment  # a threshold moves everything in here and nothing else
def _workbench(here: Session, bundle: Bundle, films: list[Film], *, working: bool) -> None:
    films = [film for film in films if film.key in here.worklist.films]  # one may be removed
    if not films and here.worklist.progress is None:
        st.rerun()
    with st.container(key="bench"):
        listed, viewed, controlled = st.columns([1, 2.6, 1.4])
    with listed, st.container():
        _show_news(here, bundle, films, working=working)
    if not films:
        return
    with listed:
        film = show_worklist(here, bundle, films, working=working)
    if film is None:
        return
    start_read(here, film)
    result = here.worklist.result(film, bundle)
    withheld = here.is_withheld(film, bundle)
    hidden = withheld or is_blinded(here, film)
    with controlled:
        show_heading(here, bundle, film)
        if is_reading(here, film):
            ask_for_call(here, bundle, film)
        decisions = None if hidden else here.decide(bundle.card, result)
        # Their lines come and go with the threshold; what stands below them keeps its place.
        with st.container():
            if decisions:
                show_verdicts(here, bundle.card, decisions)
        finding = bundle.card.findings[0]
        # What the model does elsewhere would tell how it takes a film that is still being read.
        if not is_reading(here, film):
            finding, cohort = _show_setting(here, bundle, films)
    if not is_blinded(here, film):
        with viewed.container(key="notice"):
            _show_verdict(here, bundle, film, result)
            if here.blinded and not is_reading(here, film):
                show_summary(here)
    # Last, because some maps take many seconds: all else is by then of the same film.
    with viewed:
        title = " · ".join(filter(None, (place_words(here, film), here.patient_words(film))))
        if hidden:
            show_film(here, film, result, title)
        else:
            show_maps(here, bundle, film, result, finding, title)
    if not is_reading(here, film):
        k = bundle.card.index(finding.name)
        asked = decisions is not None and decisions[k].outcome != "not asked"
        probability = decisions[k].probability if asked else None
        with show_details(here, bundle.card, finding, cohort, probability):
            if decisions:
                show_classes(here, bundle.card, decisions)


def _show_news(here: Session, bundle: Bundle, films: list[Film], *, working: bool) -> None:
    """How far the work is, and which files could not be used."""
    if working:
        show_progress(here.worklist, bundle, len(films))
    elif waiting := len(here.worklist.films) - len(films):
        st.button(
            f"Score {waiting} more films by this model",
            on_click=here.worklist.request,
            args=(bundle,),
            kwargs={"again": True},
        )
    show_rejections(here)


def _show_setting(here: Session, bundle: Bundle, films: list[Film]) -> tuple[Finding, str]:
    """One finding's threshold, its whole ROC curve, and what it does to 1,000 patients."""
    card = bundle.card
    finding, cohort = _choose_finding(bundle), current_cohort(card)
    k = card.index(finding.name)
    decided = [
        here.decide(card, here.worklist.result(film, bundle))[k]
        for film in films
        if not here.is_withheld(film, bundle)
    ]
    asked = [one.probability for one in decided if one.outcome != "not asked"]
    show_control(here, card, finding, cohort, asked)
    show_consequences(here, card, finding, cohort)
    st.caption(f"Research software for {card.population}: a second look, not a diagnosis.")
    return finding, cohort


def _choose_finding(bundle: Bundle) -> Finding:
    names = {capitalised(finding.positive): finding for finding in bundle.card.findings}
    if len(names) == 1:
        return bundle.card.findings[0]
    chosen = st.segmented_control(
        "Threshold, map and curves of",
        list(names),
        default=next(iter(names)),
        required=True,
        key="shown",
        label_visibility="collapsed",
        width="stretch",
    )
    return names[chosen]


def _show_verdict(here: Session, bundle: Bundle, film: Film, result: Result) -> None:
    """Why a film has no result, or one to read with care."""
    reasons = " ".join(result.verdict.reasons)
    key = (film.key, bundle.card.sha256)
    if not result.verdict.refused:
        if reasons:
            show_notice("undecided", "Read this result with care", reasons)
        return
    words, button = st.columns([3, 1], gap="xsmall", vertical_alignment="center")
    withheld = here.is_withheld(film, bundle)
    with words:
        heading = "Not screened" if withheld else "Refused, and shown at the reader's own choice"
        show_notice("refused", heading, reasons)
    if withheld:
        button.button(
            "Show the result",
            key="overrule",
            help="The numbers of this model were measured on films unlike this one and say nothing "
            "about it. A result shown all the same stays marked, here and in every export.",
            on_click=here.overruled.add,
            args=(key,),
            width="stretch",
        )
    else:
        button.button(
            "Hide it again",
            key="undo overrule",
            on_click=here.overruled.discard,
            args=(key,),
            width="stretch",
        )
