"""The app, and a metric of the bytes that Python's objects hold; for `tests.load.kept`."""

import gc
import runpy
import tracemalloc

import streamlit as st
from prometheus_client import Gauge

from tests.places import ROOT


@st.cache_resource(show_spinner=False)
def count_bytes() -> None:
    """Once, as a name can be registered once."""
    Gauge("python_traced_bytes", "Held by objects of Python").set_function(_held)


def _held() -> float:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


count_bytes()
runpy.run_path(str(ROOT / "streamlit_app.py"))
