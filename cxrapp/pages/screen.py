"""Screen films: one page from upload to decision, with one threshold a finding behind it all."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cxrapp.model.bundle import Bundle
from cxrapp.model.card import Finding
from cxrapp.panels.archive import show_archive
from cxrapp.panels.consequences import choose_cohort, show_consequences
from cxrapp.panels.feature_maps import show_layers
from cxrapp.panels.first_read import ask_for_call, show_summary
from cxrapp.panels.heat_maps import show_film, show_maps
from cxrapp.panels.intake import offer_samples, show_progress, show_rejections, take_in
from cxrapp.panels.threshold import show_control
from cxrapp.panels.tour import show_tour
from cxrapp.panels.worklist import show_worklist
from cxrapp.report import NOT_A_DIAGNOSIS
from cxrapp.server.bundles import choose_bundle
from cxrapp.server.sessions import current_session
from cxrapp.session.film import Film
from cxrapp.session.first_reads import closed_reads, is_blinded, start_read
from cxrapp.session.session import Session
from cxrapp.session.worklist import Result
from cxrapp.words import capitalised, escape_markdown


def show() -> None:
    """The page."""
    here = current_session()
    model, uploads, options = st.columns([1.2, 2.6, 0.5], vertical_alignment="center")
    with model:
        bundle = choose_bundle()
    with options.popover("Options", width="stretch"):
        _show_options(here)
    with uploads.container(key="intake"):
        take_in(here, bundle)
    show_archive(here, bundle)
    here.worklist.request(bundle)
    # Looked at before the results: what is ready only after that, a tick of the progress shows.
    working = here.worklist.progress is not None
    films = here.worklist.scored(bundle)
    # A place of its own for each, drawn in or not: what lies below keeps its place on the page,
    # and the browser need not build it anew.
    progress, rejections, tour = st.container(), st.container(), st.container()
    with progress:
        _show_progress(here, bundle, films, working=working)
    with rejections:
        show_rejections(here)
    if films:
        with tour:
            show_tour(here)
        _workbench(here, bundle, films)
    elif not working:
        _welcome(here, bundle)


def _show_progress(here: Session, bundle: Bundle, films: list[Film], *, working: bool) -> None:
    if working:
        show_progress(here.worklist, bundle, len(films))
    elif waiting := len(here.worklist.films) - len(films):
        st.button(
            f"Score {waiting} more films by this model",
            on_click=here.worklist.request,
            args=(bundle,),
            kwargs={"again": True},
        )


def _welcome(here: Session, bundle: Bundle) -> None:
    """What this is for, and the way in for somebody who has no film at hand."""
    words, samples = st.columns([1.2, 1], gap="large")
    with words:
        st.markdown("### Drop chest films above, or start with the samples")
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
    here.blinded = st.toggle(
        "Blinded first read",
        key="blinded",
        persist_state="session",
        help="You make your own call on each film before the model's answer is shown.",
    )
    here.folders = st.toggle(
        "Whole folders", key="folder", help="The upload takes a folder instead of files."
    )
    here.identified = st.toggle(
        "Show names and IDs",
        key="identified",
        persist_state="session",
        help="From DICOM; otherwise hidden and never exported.",
    )
    _offer_clear(here)
    st.caption(
        "Keys: ↓ ↑ or J K next and previous film, R reviewed, P N U your call, M map or film "
        "large, I invert, 0 whole film, 1 actual pixels, W full window."
    )


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
def _workbench(here: Session, bundle: Bundle, films: list[Film]) -> None:
    listed, viewed, controlled = st.columns([1.05, 2.2, 1.2], gap="small")
    with listed:
        film = show_worklist(here, bundle, films)
    if film is None:
        return
    start_read(here, film)
    result = here.worklist.result(film, bundle)
    withheld = here.is_withheld(film, bundle)
    hidden = withheld or is_blinded(here, film)
    finding = _choose_finding(bundle, controlled)
    with controlled:
        st.markdown(f"**{escape_markdown(here.display_name(film))}**, {_place(here, film)}")
        if here.blinded and not withheld:
            ask_for_call(here, bundle, film)
        _show_verdict(here, bundle, film, result)
        controls = st.container()
        cohort = choose_cohort(bundle.card)
        with controls:
            decisions = None if hidden else here.decide(bundle.card, result)
            show_control(here, bundle.card, decisions, cohort)
    probability = float(result.prediction.probabilities[bundle.card.index(finding.name)])
    show_consequences(here, bundle.card, finding, cohort, None if hidden else probability)
    # Last, because some maps take many seconds: all else is by then of the same film.
    with viewed:
        title = f"{here.display_name(film)} · {_place(here, film)}"
        if hidden:
            show_film(here, film, result, title)
        else:
            show_maps(here, bundle, film, result, finding, title)
    if not hidden:
        show_layers(bundle, film, finding)
    if reads := closed_reads(here):
        show_summary(reads)


def _place(here: Session, film: Film) -> str:
    return f"film {here.order.index(film.key) + 1} of {len(here.order)}"


def _choose_finding(bundle: Bundle, cell: DeltaGenerator) -> Finding:
    names = {capitalised(finding.positive): finding for finding in bundle.card.findings}
    if len(names) == 1:
        return bundle.card.findings[0]
    chosen = cell.segmented_control(
        "Maps and curves for",
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
    reasons = "\n".join(f"- {escape_markdown(reason)}" for reason in result.verdict.reasons)
    if here.is_withheld(film, bundle):
        st.error(f"**Not screened.**\n{reasons}")
        st.caption(
            "The numbers of this model were measured on films unlike this one and say nothing "
            "about it. A result shown all the same stays marked, here and in every export."
        )
        st.button(
            "Show the result all the same",
            key="overrule",
            on_click=here.overruled.add,
            args=((film.key, bundle.card.sha256),),
        )
    elif result.verdict.refused:
        st.warning(f"**Refused, and shown at the reader's own choice.**\n{reasons}")
    elif result.verdict.reasons:
        st.warning(f"**Read this result with care.**\n{reasons}")
