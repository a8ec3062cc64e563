"""Sessions start and end: when a reader has gone, films leave the memory and work stops.

Streamlit forgets a session whose tab was closed no sooner than the next one ends, and keeps every
upload, once read, for the length of the session.
"""

import threading
import time
import weakref
from collections.abc import Iterable
from dataclasses import dataclass

import streamlit as st
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile

from cxrapp.runtime.memory import give_back
from cxrapp.session.session import Session

TICK = 5  # seconds between two looks


@dataclass
class _Known:
    session: "weakref.ref[Session]"
    reader: str | None = None  # who signed in
    left: float | None = None  # seconds of a monotonic clock, since nobody is connected


_known: dict[str, _Known] = {}


def current_session() -> Session:
    """The session of the reader who asks; cleared some time after they have gone."""
    if "session" not in st.session_state:
        st.session_state["session"] = here = Session()
        _known[get_script_run_ctx().session_id] = _Known(weakref.ref(here), _reader())
    return st.session_state["session"]


def _reader() -> str | None:
    return st.user.get("email")


def take_over(token: str) -> None:
    """Go on with the session of that token, where its tab is no longer connected: it was reloaded.

    Not with another reader's, nor where there are films already or on their way: some were dropped
    before the browser had shown its token, and would be lost.
    """
    server, own = runtime.get_instance(), get_script_run_ctx().session_id
    if not current_session().worklist.is_empty:
        return
    for key, known in list(_known.items()):
        before = known.session()
        if before is None or before.token != token or key == own:
            continue
        if known.reader == _reader() and not server.is_active_session(key):
            del _known[key]  # or else its films would be cleared
            st.session_state["session"] = before
            _known[own] = _Known(weakref.ref(before), known.reader)


def forget_uploads(uploads: Iterable[UploadedFile]) -> None:
    """Let go of the raw bytes; what was read from them is on the worklist."""
    context = get_script_run_ctx()
    for upload in uploads:
        context.uploaded_file_mgr.remove_file(context.session_id, upload.file_id)


def sweep(now: float, patience: float) -> None:
    """Clear the sessions of all whom the server has not been connected to for so long.

    Args:
        now: Seconds of a monotonic clock.
        patience: Seconds a lost connection may take to come back.
    """
    server = runtime.get_instance()
    for key, known in list(_known.items()):
        if server.is_active_session(key):
            known.left = None
            continue
        known.left = now if known.left is None else known.left
        if now - known.left >= patience:
            del _known[key]
            server.uploaded_file_mgr.remove_session_files(key)
            if here := known.session():
                here.clear()
                here.clear_site()
            give_back()


def keep_sweeping() -> None:
    """Start a thread that does so for as long as the server runs."""
    patience = st.get_option("server.disconnectedSessionTTL")

    def work() -> None:
        while runtime.exists():
            sweep(time.monotonic(), patience)
            time.sleep(TICK)

    threading.Thread(target=work, name="sessions", daemon=True).start()
