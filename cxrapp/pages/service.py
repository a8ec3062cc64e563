"""What runs once beside the pages: the log, and the metrics where a port is named."""

import logging
import os

import streamlit as st

from cxrapp import __version__
from cxrapp.logs import start_log
from cxrapp.metrics import serve

VARIABLE = "CXR_METRICS_PORT"  # of the environment

log = logging.getLogger(__name__)


@st.cache_resource(show_spinner=False)
def start_service() -> None:
    """Begin with the first session; what cannot start is logged, and screening goes on."""
    start_log()
    log.info("started", extra={"version": __version__})
    port = os.environ.get(VARIABLE)
    if not port:
        return
    try:
        serve(int(port))
    except (OSError, ValueError, OverflowError):
        log.exception("no metrics: %s is no free port", VARIABLE)
