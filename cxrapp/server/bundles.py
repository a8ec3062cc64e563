"""The bundles of the weights folder, and the one that every page works with."""

import gc
import importlib
import os
import threading
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

import streamlit as st

from cxrapp.errors import InvalidBundle
from cxrapp.model.bundle import WEIGHTS, Bundle, find_bundles, load_bundle
from cxrapp.model.card import ModelCard
from cxrapp.model.lung_finder import FILE
from cxrapp.words import escape_markdown

BY_DIGEST = {ModelCard: attrgetter("sha256")}  # how Streamlit's caches tell cards apart
SETTLE = 3.0  # seconds after a load, so that the other bundles and the page come first
Stamp = tuple[tuple[int, int, int] | None, ...]


@dataclass(frozen=True)
class Loaded:
    """A file of the weights folder: its bundle or, in words, why there is none.

    Args:
        stamp: Of its files, as they were when it was loaded.
    """

    path: Path
    stamp: Stamp
    bundle: Bundle | None
    fault: str = ""


def offered_bundles() -> dict[str, Bundle]:
    """Name -> bundle, the default first."""
    found = [_load(path) for path in find_bundles(WEIGHTS)]
    return {one.path.stem: one.bundle for one in found if one.bundle}


def show_faults() -> None:
    """The bundles that are not offered, and why; the page stops where none is."""
    for path in find_bundles(WEIGHTS):
        if fault := _load(path).fault:
            st.error(f"Not offered: {escape_markdown(fault)}")
    if not offered_bundles():
        st.error(
            f"There is no model to screen with in `{WEIGHTS}`. Copy a bundle there, its .pt and "
            "its .json, or train one: `python -m train fit`, then `python -m train export`."
        )
        st.stop()


def choose_bundle(key: str = "bundle", label: str = "Model") -> Bundle:
    """The bundle chosen from those offered.

    Args:
        key: Of the widget; the default is shared by all pages.
        label: For those who cannot see where it stands.
    """
    bundles = offered_bundles()
    labels = {
        name: f"{name} model, for {bundle.card.population}"
        + ", in eight bits" * bundle.card.is_int8
        for name, bundle in bundles.items()
    }
    chosen = st.selectbox(
        label,
        list(bundles),
        format_func=labels.get,
        key=key,
        persist_state="session",
        label_visibility="collapsed",
    )
    return bundles[chosen]


def bundle_path(bundle: Bundle) -> Path:
    """Where the bundle was loaded from."""
    for path in find_bundles(WEIGHTS):
        if _load(path).bundle is bundle:
            return path
    st.rerun()  # its files were replaced while the page was drawn


def _stamp(path: Path) -> Stamp:
    """What changes when a file of the bundle or of its lungs does; None for one not there."""
    stamps, lungs = [], path.with_name(FILE)
    for part in (path, path.with_suffix(".json"), lungs, lungs.with_suffix(".json")):
        try:
            found = os.stat(part)
            stamps.append((found.st_ino, found.st_mtime_ns, found.st_size))
        except OSError:
            stamps.append(None)
    return tuple(stamps)


@st.cache_resource(
    show_spinner="Loading the model", validate=lambda kept: kept.stamp == _stamp(kept.path)
)
def _load(path: Path) -> Loaded:
    """One copy in memory for all sessions, loaded anew when its files have changed."""
    stamp = _stamp(path)
    try:
        return Loaded(path, stamp, load_bundle(path))
    except InvalidBundle as error:
        return Loaded(path, stamp, None, str(error))
    finally:
        later = threading.Timer(SETTLE, _settle_in)
        later.daemon = True  # whoever stops the app does not wait for it
        later.start()


def _settle_in() -> None:
    """What would make the reader wait later, done while they look for a film."""
    importlib.import_module("pytorch_grad_cam")  # takes seconds
    # Streamlit collects garbage after every run of the script. What is loaded by now stays for
    # good; to look through it each time would be most of the time of a move of the slider.
    gc.freeze()
