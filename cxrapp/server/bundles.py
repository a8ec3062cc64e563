"""The bundles of the weights folder, and the one that every page works with."""

import gc
import importlib
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any, Generic, TypeVar

import streamlit as st

from cxrapp.errors import InvalidBundle
from cxrapp.model.bundle import MAX_BYTES, WEIGHTS, Bundle, find_bundles, load_bundle
from cxrapp.model.card import ModelCard
from cxrapp.model.card_file import load_card
from cxrapp.model.lung_finder import FILE
from cxrapp.model.script import read_model_file
from cxrapp.words import escape_markdown

BY_DIGEST = {ModelCard: attrgetter("sha256")}  # how Streamlit's caches tell cards apart
LATER = 30.0  # seconds between the default and the other networks: first page and film come first
SETTLE = 3.0  # seconds after a load, so that the page comes first
Read = TypeVar("Read")
Stamp = tuple[tuple[int, int, int] | None, ...]


@dataclass(frozen=True)
class Kept(Generic[Read]):
    """What a file of the weights folder gave: what was read of it or, in words, why nothing was.

    Args:
        stamp: Of its files, as they were then.
    """

    path: Path
    stamp: Stamp
    read: Read | None
    fault: str = ""


def offered_cards() -> dict[str, ModelCard]:
    """Name -> card of every bundle that is the one its card describes, the default first."""
    found = [_check(path) for path in find_bundles(WEIGHTS)]
    return {one.path.stem: one.read for one in found if one.read}


def open_bundle(name: str) -> Bundle:
    """One that is offered; the page stops where its network does not answer its card's questions.

    A network takes most of a second to load: no page waits for those nobody asked for.
    """
    loaded = _load(WEIGHTS / f"{name}.pt")
    if loaded.read is None:
        _show_fault(loaded.fault)
        st.stop()
    return loaded.read


def load_ahead() -> None:
    """Load the default's network for the first reader, and later the others.

    Until another is loaded its name would stand above the default's results.
    """
    gc.freeze()  # what was imported; see `_load`
    offered_cards()
    for place, path in enumerate(find_bundles(WEIGHTS)):
        if place == 1:
            time.sleep(LATER)
        _load(path)


def show_faults() -> None:
    """The bundles that are not offered, and why; the page stops where none is."""
    for path in find_bundles(WEIGHTS):
        if fault := _check(path).fault:
            _show_fault(fault)
    if not offered_cards():
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
    cards = offered_cards()
    labels = {
        name: f"{name} model, for {card.population}" + ", in eight bits" * card.is_int8
        for name, card in cards.items()
    }
    chosen = st.selectbox(
        label,
        list(cards),
        format_func=labels.get,
        key=key,
        persist_state="session",
        label_visibility="collapsed",
    )
    return open_bundle(chosen)


def bundle_path(bundle: Bundle) -> Path:
    """Where the bundle was loaded from."""
    for name, card in offered_cards().items():
        if card.sha256 == bundle.card.sha256:
            return WEIGHTS / f"{name}.pt"
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


def _show_fault(fault: str) -> None:
    st.error(f"Not offered: {escape_markdown(fault)}")


def _is_unchanged(kept: Kept[Any]) -> bool:
    return kept.stamp == _stamp(kept.path)


def _keep(path: Path, read: Callable[[Path], Read]) -> Kept[Read]:
    stamp = _stamp(path)
    try:
        return Kept(path, stamp, read(path))
    except InvalidBundle as error:
        return Kept(path, stamp, None, str(error))


@st.cache_resource(show_spinner=False, validate=_is_unchanged)
def _check(path: Path) -> Kept[ModelCard]:
    """Card and digest; the network is not loaded."""

    def read(path: Path) -> ModelCard:
        card = load_card(path)
        read_model_file(path, card.sha256, MAX_BYTES)
        return card

    return _keep(path, read)


@st.cache_resource(show_spinner="Loading the model", validate=_is_unchanged)
def _load(path: Path) -> Kept[Bundle]:
    """One copy in memory for all sessions, loaded anew when its files have changed."""
    kept = _keep(path, load_bundle)
    # Streamlit collects garbage after every run of the script. To look through all that stays for
    # good would be most of the time of a move of the slider; and while films are scored runs follow
    # each other so quickly that the interpreter would come to nothing else.
    gc.freeze()
    later = threading.Timer(SETTLE, _settle_in)
    later.daemon = True  # whoever stops the app does not wait for it
    later.start()
    return kept


def _settle_in() -> None:
    """What would make the reader wait later, done while they look for a film."""
    for library in ("sklearn.metrics", "pytorch_grad_cam"):  # take seconds; for curves and maps
        importlib.import_module(library)
    gc.freeze()
