"""What runs once beside the pages: the log, and the metrics where a port is named."""

import logging
import os

import streamlit as st
from starlette.formparsers import MultiPartParser

from cxrapp import __version__
from cxrapp.films.limits import MAX_FILE_BYTES
from cxrapp.films.sandbox import start_decoders
from cxrapp.runtime.logs import start_log
from cxrapp.runtime.memory import limit_heaps
from cxrapp.runtime.metrics import PORT, serve
from cxrapp.server.lasting import keep_answers, keep_downloads
from cxrapp.server.sessions import keep_sweeping

log = logging.getLogger(__name__)


@st.cache_resource(show_spinner=False)
def start_service() -> None:
    """Start once; what cannot start is logged, and screening goes on."""
    start_log()
    limit_heaps()
    start_decoders()
    # An upload is held in memory while it arrives; beyond 1 MB it would pass through the disk.
    MultiPartParser.spool_max_size = MAX_FILE_BYTES
    keep_answers()
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
