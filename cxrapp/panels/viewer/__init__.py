"""The viewer: a film with its heat maps and its prior, to zoom, window, turn and measure.

The picture work is done by the browser, on the film's own values, so that none of it waits for the
network: film.js holds the films, geometry.js says where they lie, drawing.js draws them, tools.js
listens to mouse and fingers, viewer.js to everything else; keys.js is what the list needs as well.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from cxrapp.session.film import Film
from cxrapp.session.priors import prior_film
from cxrapp.session.session import Session
from cxrapp.words import interval_words

FOLDER = Path(__file__).parent
NAME = "viewer"
KEYS = (  # key, what viewer.js calls it, what it does
    ("f", "full", "Full screen"),
    ("0", "fit", "Whole film, upright"),
    ("1", "actual", "A pixel of the film a pixel of the screen"),
    ("+", "in", "Larger"),
    ("-", "out", "Smaller"),
    ("shift arrowright", "right", "Look further right"),
    ("shift arrowleft", "left", "Look further left"),
    ("shift arrowup", "up", "Look further up"),
    ("shift arrowdown", "down", "Look further down"),
    ("w", "preset", "Next window"),
    ("i", "invert", "Black and white exchanged"),
    ("x", "flip", "Left and right exchanged"),
    ("t", "turn", "Turned by a quarter"),
    ("m", "map", "Film or map large"),
    ("o", "overlay", "Map over the film, or beside it"),
    ("[", "fainter", "Map fainter"),
    ("]", "stronger", "Map stronger"),
    ("l", "lungs", "Outlines of the lungs, as the program found them"),
    ("b", "prior", "The patient's prior film beside this one"),
    ("v", "move", "Drag to move; the wheel or two fingers zoom"),
    ("c", "window", "Drag sideways for the window's width, up and down for its level"),
    ("g", "glass", "Magnifying glass"),
    ("d", "ruler", "Drag to measure"),
    ("delete", "clear", "Remove the last measure"),
    ("?", "help", "These keys"),
)


@dataclass(frozen=True)
class Pane:
    """One picture of the viewer.

    Args:
        heat: A see-through picture of any size as a data URL, laid over the whole film; none
            shows it bare.
        note: A line under it.
    """

    title: str
    heat: str = ""
    note: str = ""


@dataclass(frozen=True)
class Scale:
    """The meaning of a map's colours, from `low` to `high`."""

    low: str
    high: str
    unit: str
    colours: tuple[str, ...]


_viewer = st.components.v2.component(
    "cxrapp.viewer",
    html=(FOLDER / "viewer.html").read_text(),
    css=(FOLDER / "viewer.css").read_text(),
    js="\n".join(
        (FOLDER / f"{part}.js").read_text()
        for part in ("../keys", "film", "geometry", "drawing", "tools", "viewer")
    ),
)


def show_viewer(
    session: Session,
    film: Film,
    panes: Sequence[Pane],
    *,
    scales: Sequence[Scale] = (),
    preferred: int = 0,
    lungs: str = "",
) -> None:
    """Draw it, and the patient's last film before it, where there is one; a page has one viewer.

    Args:
        panes: The bare film first.
        preferred: The pane that the key M exchanges with the film.
        lungs: Their outlines as a see-through picture, which the key L shows; may be empty.
    """
    lacking = st.session_state.get(NAME, {}).get("lacking")
    prior = prior_film(session.worklist.films.values(), film)
    title = f"Prior film, {interval_words(prior.days)} earlier" if prior else ""
    _viewer(
        key=NAME,
        data={
            "film": _to_send(session, film, lacking, always=True),
            "panes": [vars(pane) for pane in panes],
            "scales": [vars(scale) for scale in scales],
            "preferred": preferred,
            "lungs": lungs,
            "prior": prior
            and _to_send(session, prior.film, lacking) | {"title": title, "note": ""},
            "keys": KEYS,
        },
        on_lacking_change=lambda: None,
    )


def _to_send(
    session: Session, film: Film, lacking: str | None, *, always: bool = False
) -> dict[str, Any]:
    """A film for the browser: its pixels once, and again where the browser asks for them.

    A threshold that moves draws the page anew ten times a second, and a film has megabytes.

    Args:
        lacking: The film that the browser asks for.
        always: Whether its pixels go along before it is asked for.
    """
    # Keys begin again in another session, while the browser still holds films of the last.
    name = f"{film.key} {film.fingerprint}"
    wanted = name == lacking or (always and name not in session.sent)
    if wanted:
        session.sent.add(name)
    return {"id": name, "key": film.key, "pixels": _pixels(film) if wanted else None}


def _pixels(film: Film) -> dict[str, Any]:
    greys = np.rint(255 * np.clip(film.packed.table(), 0, 1)).astype(np.uint8)
    return {
        "png": base64.b64encode(film.packed.png).decode(),
        "greys": base64.b64encode(greys.tobytes()).decode(),
        "units": vars(film.packed.units),
        "screened": _screened_by(film),
        "spacing": film.tags.spacing_mm,
    }


def _screened_by(film: Film) -> tuple[float, float]:
    """Lowest and highest value of the window in `Radiograph.pixels`; the nearest to a curve."""
    greys, units = film.packed.table(), film.packed.units
    inner = np.flatnonzero((greys > 0) & (greys < 1))
    if len(inner) < 2 or greys[inner[0]] == greys[inner[-1]]:
        ends = np.array([0, len(greys) - 1])
    else:
        first, last = inner[0], inner[-1]
        step = (last - first) / float(greys[last] - greys[first])
        ends = first + (np.array([0, 1]) - float(greys[first])) * step
    low, high = sorted(ends * units.slope + units.intercept)
    return float(low), float(high)
