"""Reporting guidelines answered item by item: yes with where, or no and what is missing.

TRIPOD+AI: Collins et al., BMJ 2024;385:e078378. CLAIM: Tejani et al., "CLAIM 2024 update",
Radiology: Artificial Intelligence 2024;6(4):e240300. STARD-AI: Sounderajah et al., Nature Medicine
2025; its items are named here by the numbers of STARD 2015 (Bossuyt et al., BMJ 2015;351:h5527),
which it extends. The items stand in checklist.csv, one a line.
"""

import csv
from pathlib import Path
from typing import Literal, NamedTuple

Answer = Literal["yes", "in part", "no"]


class Item(NamedTuple):
    """What is asked, its numbers in the guidelines, the answer, and a sentence.

    Args:
        where: The part of the report that answers it; empty where none does.
    """

    what: str
    tripod: str
    claim: str
    stard: str
    answer: Answer
    sentence: str
    where: str = ""


def _read() -> tuple[Item, ...]:
    # A table and no code: whoever answers a guideline anew edits one line of it.
    with Path(__file__).with_suffix(".csv").open(newline="", encoding="utf-8") as file:
        return tuple(Item(**row) for row in csv.DictReader(file))


# As the module is read: a line that does not fit ends the program before anything is measured.
ITEMS = _read()
