"""Films in: uploads, samples, progress, and the files that could not be used."""

from pathlib import Path

import streamlit as st

from cxrapp.films.limits import MAX_FILE_BYTES
from cxrapp.model.bundle import Bundle
from cxrapp.panels.uploads import dropped, let_go
from cxrapp.session.session import Session
from cxrapp.session.worklist import Worklist
from cxrapp.words import escape_markdown

SAMPLES = Path(__file__).parents[1] / "samples"
NAMED = 10  # files that could not be used, listed before "and more"
REASONS = 50  # the same, where the list has room to scroll
TICK = 0.7  # seconds between looks at the work in the background


def take_in(session: Session, bundle: Bundle) -> None:
    """The upload widget. What is dropped on it goes to the worklist, and it is empty again."""
    folder = session.folders
    words = "a folder of chest films" if folder else "chest films"
    kinds = "" if folder else ": DICOM, JPEG or PNG, one or many, or ZIP archives"
    label = f"Drop {words} here{kinds}; up to {MAX_FILE_BYTES // 2**20} MB a file"
    if uploads := dropped(session, "films", label, folder=folder):
        session.worklist.add(bundle, [(upload.name, upload.getvalue()) for upload in uploads])
        let_go(session, uploads)


def offer_samples(session: Session, bundle: Bundle) -> None:
    """The real films that ship with the app, one click away."""

    paths = sorted(SAMPLES.glob("*.jpeg"))

    def choose() -> None:
        session.worklist.add(bundle, [(path.name, path.read_bytes()) for path in paths])
        session.tour = 0

    for path, cell in zip(paths, st.columns(len(paths), gap="xsmall"), strict=True):
        cell.image(path, alt=f"Sample film {path.name}")
    st.button("Try it on six sample films", key="samples", on_click=choose, type="primary")
    st.caption(
        "Kermany et al., 2018, CC BY 4.0; none was used in training. The file name tells the "
        "published label: the model is wrong about some of them."
    )


@st.fragment(run_every=TICK)
def show_progress(worklist: Worklist, bundle: Bundle, seen: int) -> None:
    """How far the scoring is, and a way to stop it; new results draw the page anew.

    Args:
        seen: Films on the page as it stands.
    """
    progress = worklist.progress
    if progress is None or len(worklist.scored(bundle)) != seen:
        st.rerun()
    left = progress.seconds_left
    words = f"Screening file {min(progress.done + 1, progress.total)} of {progress.total}"
    if progress.ahead:
        words += f", {progress.ahead} ahead in the queue"
    if left is not None:
        words += f", about {max(round(left), 1)} s left"
    st.progress(min(progress.done / max(progress.total, 1), 1.0), words)
    st.button("Stop screening", key="stop", on_click=worklist.stop, width="stretch")


def show_rejections(session: Session) -> None:
    """How many files could not be used; which and why is one click away."""
    rejections = session.worklist.rejections[session.rejections_seen :]
    if not rejections:
        return
    lines = [
        f"{escape_markdown(r.name)}: {escape_markdown(r.reason)}" for r in rejections[:REASONS]
    ]
    if len(rejections) > REASONS:
        lines.append(f"and {len(rejections) - REASONS} more, all in the exported table")
    count = "1 file" if len(rejections) == 1 else f"{len(rejections)} files"
    listed = "\n".join(f"- {line}" for line in lines)
    if not session.worklist.films:
        st.warning(f"{count} not screened:\n{listed}")
        return
    with st.container(key="rejected"):
        why, close = st.columns([3.2, 1], gap="xsmall", vertical_alignment="center")
    with why.popover(f"⚠ {count} not screened", width="stretch"):
        st.markdown(listed)
    close.button("Close", key="close rejections", on_click=session.see_rejections, width="stretch")
