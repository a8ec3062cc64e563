"""The app, and what its process holds as metrics; for `tests.load.kept`."""

import ctypes
import gc
import runpy
import tracemalloc

import streamlit as st
from prometheus_client import Gauge

from tests.places import ROOT


class _MallInfo(ctypes.Structure):
    """glibc's `struct mallinfo2`, bytes of all heaps together."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"
        ).split()
    ]


@st.cache_resource(show_spinner=False)
def count_bytes() -> None:
    """Once, as a name can be registered once."""
    Gauge("held_objects_bytes", "By tracemalloc, where it runs").set_function(_by_objects)
    Gauge("held_heap_bytes", "Handed out by malloc and not given back").set_function(_by_heap)


def _by_objects() -> float:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def _by_heap() -> float:
    mallinfo = ctypes.CDLL(None).mallinfo2
    mallinfo.restype = _MallInfo
    gc.collect()
    info = mallinfo()
    return info.uordblks + info.hblkhd


count_bytes()
runpy.run_path(str(ROOT / "streamlit_app.py"))
