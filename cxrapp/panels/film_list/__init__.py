"""The rows of the worklist, and the keyboard that works through them (film_list.js)."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from cxrapp.panels.viewer import KEYS as VIEWER_KEYS

FOLDER = Path(__file__).parent
HTML = """
<div class="list" role="listbox" aria-label="Worklist" tabindex="0"></div>
<div class="foot">
  <label title="Size of the pictures">Pictures <input type="range" min="24" max="160" value="44"
    aria-label="Size of the pictures, pixels"></label>
  <button class="help" aria-label="Keys" title="Keys (?)">?</button>
</div>
<dialog aria-label="Keys">
  <table></table><form method="dialog"><button>Close</button></form>
</dialog>
"""
KEY = "film list"
KEYS = (  # those of film_list.js, what they do
    ("↓ ↑, J K", "Next and previous film"),
    ("R", "Reviewed, and on to the next; again takes it back"),
    ("P N U", "Your call: yes, no, unsure; again takes it back"),
)

_film_list = st.components.v2.component(
    "cxrapp.film_list",
    html=HTML,
    css=(FOLDER / "film_list.css").read_text(),
    js="\n".join((FOLDER / part).read_text() for part in ("../keys.js", "film_list.js")),
)


@dataclass(frozen=True)
class Bar:
    """One finding of one film: a bar to the probability, a tick at the threshold, and the abstain
    band below it where there is one."""

    finding: str
    probability: float
    threshold: float
    abstain_from: float | None
    outcome: str
    percent: str


@dataclass(frozen=True)
class Row:
    """One film of the worklist.

    Args:
        outcome, sign: How the decision looks; empty while it is not to be seen.
        answer: The decisions in one word or two.
        findings: Those that were asked.
        marks: Words beside the name, such as "reviewed".
        note: Instead of findings, why there are none.
        facts: Whose film it is, beside the name; empty unless the reader asked for names.
        grouped: Whether it belongs to the study of the row above.
    """

    key: str
    name: str
    thumbnail: str
    outcome: str
    sign: str
    answer: str
    findings: tuple[Bar, ...]
    marks: tuple[str, ...]
    note: str
    facts: str
    selected: bool
    grouped: bool


def show_rows(
    rows: list[Row],
    before: int,
    after: int,
    *,
    working: bool,
    act: Callable[[list[dict[str, Any]]], None],
) -> None:
    """Draw the rows of one page of the list.

    Args:
        before, after: Films on the pages before and after.
        working: More films are on their way.
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
            "working": working,
            "keys": (*KEYS, *((key, what) for key, _, what in VIEWER_KEYS)),
        },
        on_actions_change=lambda: act(st.session_state[KEY]["actions"] or []),
    )
