"""The rows of the worklist, and the keyboard that works through them (film_list.js)."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import streamlit as st

FOLDER = Path(__file__).parent
HTML = '<div class="list" role="listbox" aria-label="Worklist" tabindex="0"></div>'
KEY = "film list"

_film_list = st.components.v2.component(
    "cxrapp.film_list",
    html=HTML,
    css=(FOLDER / "film_list.css").read_text(),
    js=(FOLDER / "film_list.js").read_text(),
)


@dataclass(frozen=True)
class Bar:
    """One finding of one film: a bar to the probability, and a tick at the threshold."""

    finding: str
    probability: float
    threshold: float
    outcome: str
    percent: str


@dataclass(frozen=True)
class Row:
    """One film of the worklist.

    Args:
        marks: Words beside the name, such as "reviewed".
        answer: The decisions in one word or two.
        note: Instead of findings, why there are none.
        grouped: Whether it belongs to the study of the row above.
    """

    key: str
    name: str
    thumbnail: str
    answer: str
    findings: tuple[Bar, ...]
    marks: tuple[str, ...]
    note: str
    selected: bool
    grouped: bool


def show_rows(
    rows: list[Row], before: int, after: int, act: Callable[[list[dict[str, Any]]], None]
) -> None:
    """Draw the rows of one page of the list.

    Args:
        before, after: Films on the pages before and after.
        act: Called with the reader's last actions before the page is drawn again. Each has a
            number that grows, and the film that was selected: {"kind": "open", "key": ...},
            {"kind": "step", "by": 1 or -1}, {"kind": "page", "by": ...}, {"kind": "review"} or
            {"kind": "call", "call": ...}. The browser sends a few of them again and again, so
            that none is lost between two drawings.
    """
    _film_list(
        key=KEY,
        data={
            "rows": [asdict(row) for row in rows],
            "before": before,
            "after": after,
        },
        on_actions_change=lambda: act(st.session_state[KEY]["actions"] or []),
    )
