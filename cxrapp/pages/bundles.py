"""The bundles of the weights folder, and the one that every page works with."""

import importlib
import threading
from pathlib import Path

import streamlit as st

from cxrapp.bundle import WEIGHTS, Bundle, find_bundles, load_bundle
from cxrapp.errors import InvalidBundle


def offered_bundles() -> dict[str, Bundle]:
    """Name -> bundle, the default first; without a valid one the page stops and says why."""
    bundles, faults = {}, []
    for path in find_bundles(WEIGHTS):
        try:
            bundles[path.stem] = _load(path, path.stat().st_mtime_ns)
        except InvalidBundle as error:
            faults.append(str(error))
    for fault in faults:
        st.error(f"Not offered: {fault}")
    if not bundles:
        st.error(
            f"There is no model to screen with in `{WEIGHTS}`. Copy a bundle there, its .pt and "
            "its .json, or train one: `python -m train fit`, then `python -m train export`."
        )
        st.stop()
    return bundles


def choose_bundle(key: str = "bundle", label: str = "Model") -> Bundle:
    """The bundle chosen from those offered.

    Args:
        key: Of the widget; the default is shared by all pages.
        label: For those who cannot see where it stands.
    """
    bundles = offered_bundles()
    labels = {name: f"{name}: for {bundle.card.population}" for name, bundle in bundles.items()}
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
    return next(WEIGHTS / f"{name}.pt" for name, one in offered_bundles().items() if one is bundle)


@st.cache_resource(show_spinner="Loading the model", max_entries=4)
def _load(path: Path, changed: int) -> Bundle:
    """One copy in memory for all sessions; `changed` makes a replaced file load anew."""
    # The heat-map library takes seconds to import: begin while the reader looks for a film.
    threading.Thread(target=importlib.import_module, args=("pytorch_grad_cam",)).start()
    return load_bundle(path)
