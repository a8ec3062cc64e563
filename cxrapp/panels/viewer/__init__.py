"""The viewer: a film and its heat maps side by side, to zoom, pan, window and invert.

The picture work is done by the browser (viewer.js), so that none of it waits for the network.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

FOLDER = Path(__file__).parent
HTML = """
<div class="viewer">
  <div class="bar" role="toolbar" aria-label="Film">
    <button data-act="fit" title="Whole film (0, or double click)">Fit</button>
    <button data-act="actual" title="One pixel of the film a pixel of the screen (1)">1:1</button>
    <button data-act="invert" title="Black and white exchanged (I)">Invert</button>
    <label title="All darker than this is black">Dark <input type="range" name="low" min="0"
      max="254" value="0" aria-label="Window, black at"></label>
    <label title="All brighter than this is white">Bright <input type="range" name="high" min="1"
      max="255" value="255" aria-label="Window, white at"></label>
    <button data-act="window" title="Full range (W); drag with the right button to change">Reset
    </button>
    <button data-act="map" title="Film or heat map large (M)">Map</button>
    <button data-act="lungs" title="Outlines of the lungs, as the program found them (L)">Lungs
    </button>
    <label title="How strongly the heat map covers the film">Heat <input type="range"
      name="opacity" min="0" max="100" value="55" aria-label="Heat map opacity, %"></label>
  </div>
  <div class="stage"></div>
  <div class="foot"><span class="scales"></span><span class="readout"></span></div>
</div>
"""


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
    html=HTML,
    css=(FOLDER / "viewer.css").read_text(),
    js=(FOLDER / "viewer.js").read_text(),
)


def show_viewer(
    name: str,
    key: str,
    film: str,
    panes: Sequence[Pane],
    scales: Sequence[Scale],
    preferred: int,
    lungs: str = "",
) -> None:
    """Draw it.

    Args:
        name: Of this viewer on the page.
        key: Of the film: another one starts with the whole film in view.
        film: The picture as a data URL.
        panes: The bare film first.
        preferred: The pane that the key M exchanges with the film.
        lungs: Their outlines as a see-through picture, which the key L shows; may be empty.
    """
    _viewer(
        key=name,
        data={
            "key": key,
            "film": film,
            "panes": [vars(pane) for pane in panes],
            "scales": [vars(scale) for scale in scales],
            "preferred": preferred,
            "lungs": lungs,
        },
    )
