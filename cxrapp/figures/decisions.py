"""How a decision looks, alike in list, panel and PDF: a sign, and a colour for dark and for light.

The colours differ for colour-blind readers too (tests/figures/test_decisions.py simulates three
kinds), each has 4.5 to 1 on its backgrounds (WCAG AA), and the sign says it without any colour.
"""

from typing import Literal, NamedTuple

from cxrapp.model.card import Finding
from cxrapp.model.decision import Outcome

Shown = Outcome | Literal["refused"]


class Look(NamedTuple):
    """Of one decision.

    Args:
        dark, light: Its colour on a dark page, and on a light one or on paper.
    """

    sign: str
    dark: str
    light: str


LOOKS: dict[Shown, Look] = {
    "positive": Look("▲", "#f46f5a", "#7a1f00"),
    "undecided": Look("◆", "#e6b516", "#7e6e01"),
    "negative": Look("○", "#7bb1f0", "#0b57d0"),
    "not asked": Look("–", "#8a929a", "#3b4250"),
    "refused": Look("✕", "#f3e8ff", "#a83c86"),
}


def shown_as(finding: Finding, outcome: Outcome) -> Shown:
    """How to draw it: "no" to a question that another's "yes" has led to is no all-clear."""
    return "not asked" if finding.given and outcome == "negative" else outcome
