"""What runs once beside the pages: the log, and the metrics where a port is named."""

import logging
import os
import time

import streamlit as st
from starlette.formparsers import MultiPartParser
from streamlit.runtime import media_file_manager
from streamlit.runtime.media_file_manager import MediaFileMetadata

from cxrapp import __version__
from cxrapp.films.limits import MAX_FILE_BYTES
from cxrapp.films.sandbox import start_decoders
from cxrapp.runtime.logs import start_log
from cxrapp.runtime.memory import limit_heaps
from cxrapp.runtime.metrics import PORT, serve
from cxrapp.server.sessions import keep_sweeping

KEPT = 60.0  # seconds that a file made on demand waits to be fetched

log = logging.getLogger(__name__)


@st.cache_resource(show_spinner=False)
def start_service() -> None:
    """Start once; what cannot start is logged, and screening goes on."""
    start_log()
    limit_heaps()
    start_decoders()
    # An upload is held in memory while it arrives; beyond 1 MB it would pass through the disk.
    MultiPartParser.spool_max_size = MAX_FILE_BYTES
    keep_downloads()
    keep_sweeping()
    log.info("started", extra={"version": __version__})
    port = os.environ.get(PORT)
    if not port:
        return
    try:
        serve(int(port))
    except (OSError, ValueError, OverflowError):
        log.exception("no metrics: %s is no free port", PORT)


class LastingMetadata(MediaFileMetadata):
    """Lets a file go some time after Streamlit has first found nobody who refers to it.

    Nobody refers to a file that a download button has just made, and the second script to end
    removes it: with other readers at work, before the browser has asked for it.
    """

    unwanted_since: float | None = None

    @property
    def is_marked_for_delete(self) -> bool:
        """Whether it may go now."""
        since = self.unwanted_since
        return since is not None and time.monotonic() - since > KEPT

    def mark_for_delete(self) -> None:
        """Start to count."""
        if self.unwanted_since is None:
            self.unwanted_since = time.monotonic()


def keep_downloads() -> None:
    """Have Streamlit keep every file made on demand from now on until it is fetched."""
    media_file_manager.MediaFileMetadata = LastingMetadata
