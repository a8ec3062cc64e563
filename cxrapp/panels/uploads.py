"""Where files are dropped: a widget that is empty again after each drop and loses no file."""

import time

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from cxrapp.server.sessions import forget_uploads
from cxrapp.session.session import Session

# Streamlit's widget keeps, and sends at every move, what it was ever given, so each drop is taken
# from a new one. More may be dropped on the old one until that has reached the browser, and would
# go with it: for as many seconds it stays, out of sight (style.py).
STAYS = 20
PREFIX = "uploads"  # of the widgets' keys


def dropped(session: Session, name: str, label: str, *, folder: bool) -> list[UploadedFile]:
    """The upload widget, and all files that were dropped and not yet let go of.

    Args:
        name: Of the widget, which no other has.
        folder: Takes folders instead of files.
    """
    now = time.monotonic()
    old = [number for number, taken in enumerate(session.uploads) if now - taken < STAYS]
    return [
        upload
        for number in (len(session.uploads), *reversed(old))
        for upload in st.file_uploader(
            label,
            accept_multiple_files="directory" if folder else True,
            key=f"{PREFIX} {name} {number} {'folder' if folder else 'files'}",
            label_visibility="collapsed",
        )
    ]


def let_go(session: Session, uploads: list[UploadedFile]) -> None:
    """Draw the page anew without these files, whose content has been taken in."""
    forget_uploads(uploads)
    # Else the widgets that stay would hold them, and give them again until the browser speaks.
    for key in [key for key in st.session_state if str(key).startswith(PREFIX)]:
        del st.session_state[key]
    session.uploads.append(time.monotonic())
    st.rerun()
