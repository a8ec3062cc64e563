"""A screened worklist -> rows of a table, one a film and finding."""

import csv
from collections.abc import Mapping
from typing import TextIO

from cxrapp.card import ModelCard
from cxrapp.decision import decide
from cxrapp.gate import Verdict
from cxrapp.predict import Prediction
from cxrapp.radiograph import Rejection

STATUSES = {"accept": "ok", "warn": "warn", "refuse": "refused"}
COLUMNS = ("file", "finding", "probability", "threshold", "decision", "status", "message")


def film_rows(
    card: ModelCard,
    name: str,
    prediction: Prediction,
    verdict: Verdict,
    thresholds: Mapping[str, float],
    *,
    overruled: bool = False,
) -> list[dict[str, str]]:
    """The rows of one scored film, a dict of `COLUMNS` a finding.

    A warned or refused film keeps its probabilities, marked by its status and the reasons;
    `overruled` says that a reader chose to see a refused one.
    """
    reasons = (
        [*verdict.reasons, "A reader overruled the refusal."] if overruled else verdict.reasons
    )
    film = {"status": STATUSES[verdict.outcome], "message": " ".join(reasons)}
    return [
        _row(name, d.finding, d.threshold)
        | {"probability": f"{d.probability:.6f}", "decision": d.outcome}
        | film
        for d in decide(card, prediction.probabilities, thresholds)
    ]


def rejection_rows(
    card: ModelCard, rejection: Rejection, thresholds: Mapping[str, float]
) -> list[dict[str, str]]:
    """The rows of a file that could not be scored: no probability, and the reason."""
    return [
        _row(rejection.name, finding.name, thresholds[finding.name])
        | {"status": "error", "message": rejection.reason}
        for finding in card.findings
    ]


def table_writer(file: TextIO) -> csv.DictWriter:
    """A CSV writer for such rows, its header already written."""
    writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
    writer.writeheader()
    return writer


def _row(name: str, finding: str, threshold: float) -> dict[str, str]:
    empty = dict.fromkeys(COLUMNS, "")
    return empty | {"file": name, "finding": finding, "threshold": f"{threshold:.6g}"}
