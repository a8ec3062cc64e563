"""What reporting guidelines ask for, and where a report answers it.

TRIPOD+AI: Collins et al., BMJ 2024;385:e078378. CLAIM: Mongan, Moy and Kahn, Radiology: Artificial
Intelligence 2020;2(2):e200029. Items that only a study can answer (who was eligible and when, the
reason for the sample's size, registration, ethics, funding, patients' part) are not listed.
"""

from typing import NamedTuple


class Item(NamedTuple):
    """An item, its number in either guideline, and the part of the report that answers it."""

    what: str
    tripod: str
    claim: str
    where: str


ITEMS = (
    Item("Identified as a prediction model, with its type", "1", "1", "top"),
    Item("Intended use and known limits", "3, 26, 27", "3, 38, 39", "top"),
    Item("Sources of data", "5", "7", "data"),
    Item("Preparation of the films", "7", "9", "recipe"),
    Item("Outcome and where its labels come from", "8", "14, 16", "data"),
    Item("Missing labels and what was done about them", "11", "13", "data"),
    Item("Numbers of films and patients by class and split", "20, 21", "33", "data"),
    Item("How data were divided, and at which level disjoint", "12", "20, 21", "split"),
    Item("Model, its inputs and outputs, first weights", "12, 15, 22", "22, 24", "recipe"),
    Item("Training, choice of the final model", "12", "25, 26", "learning"),
    Item("Class imbalance", "13", "25", "recipe"),
    Item("Software and versions", "-", "23", "recipe"),
    Item("Discrimination with intervals", "23", "28, 29, 35, 36", "findings"),
    Item("Calibration", "12, 23", "28, 36", "findings"),
    Item("Thresholds and how they were set", "15", "28", "findings"),
    Item("Clinical utility (net benefit)", "12, 23", "28", "findings"),
    Item("Fairness: performance in groups", "14, 23", "36", "groups"),
    Item("Robustness and shortcuts", "12", "30", "shortcuts"),
    Item("Explanation of single predictions", "-", "31", "worst"),
    Item("Analysis of failures", "-", "37", "worst"),
)
