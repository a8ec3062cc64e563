"""A screened worklist -> rows of a table, one a film and finding."""

import csv
from collections.abc import Mapping, Sequence
from typing import TextIO

from cxrapp.films.radiograph import Rejection
from cxrapp.model.card import ModelCard
from cxrapp.model.decision import Decision, Decisions, Settings
from cxrapp.model.gate import Verdict
from cxrapp.report.release import Performance
from cxrapp.statistics.prevalence import on_ward

STATUSES = {"accept": "ok", "warn": "warn", "refuse": "refused"}
COLUMNS = ("file", "finding", "probability", "threshold", "decision", "status", "message")
FORMULA_STARTS = tuple("=+-@\t\r\n＝＋－＠")  # OWASP, "CSV Injection"; some programs run wide signs


def film_rows(
    name: str, decisions: Sequence[Decision], verdict: Verdict, *, overruled: bool = False
) -> list[dict[str, str]]:
    """The rows of one scored film, a dict of `COLUMNS` a finding.

    A warned or refused film keeps its probabilities, marked by its status and the reasons. A
    refused one has no decision, unless a reader chose to see it: `overruled`.
    """
    reasons = (
        [*verdict.reasons, "A reader overruled the refusal."] if overruled else verdict.reasons
    )
    decided = overruled or not verdict.refused
    film = {"status": STATUSES[verdict.level], "message": " ".join(reasons)}
    return [
        _row(name, d.finding, d.threshold)
        | {"probability": f"{d.probability:.6f}", "decision": d.outcome if decided else ""}
        | film
        for d in decisions
    ]


def context_columns(card: ModelCard) -> tuple[str, ...]:
    """What a reader's session adds: the probability on the ward, and how well thresholds do."""
    rates = (f"{c}_{m}" for c in card.cohorts for m in ("sensitivity", "specificity"))
    return ("ward_prevalence", "ward_probability", *(name.replace(" ", "_") for name in rates))


def context_rows(
    card: ModelCard,
    decisions: Decisions,
    prevalences: Mapping[str, float],
    performance: Mapping[str, Sequence[Performance]],
) -> list[dict[str, str]]:
    """One dict of `context_columns` a finding; the ward's are empty where the reader did not say.

    Args:
        prevalences: Finding -> share of the reader's patients who have it.
        performance: Finding -> what its threshold does, by cohort.
    """
    local = on_ward(card, [decision.probability for decision in decisions], prevalences)
    rows = []
    for decision, probability in zip(decisions, local, strict=True):
        share = prevalences.get(decision.finding)
        values = ["", ""] if share is None else [f"{share:.6g}", f"{probability:.6f}"]
        for one in performance[decision.finding]:
            values += [str(one.sensitivity), str(one.specificity)]
        rows.append(dict(zip(context_columns(card), values, strict=True)))
    return rows


def rejection_rows(
    card: ModelCard, rejection: Rejection, settings: Settings
) -> list[dict[str, str]]:
    """The rows of a file that could not be scored: no probability, and the reason."""
    return [
        _row(rejection.name, finding.name, settings[finding.name].threshold)
        | {"status": "error", "message": rejection.reason}
        for finding in card.findings
    ]


def table_writer(file: TextIO, columns: Sequence[str] = COLUMNS) -> csv.DictWriter:
    """A CSV writer for such rows, its header already written."""
    writer = csv.DictWriter(file, columns, lineterminator="\n")
    writer.writeheader()
    return writer


def _row(name: str, finding: str, threshold: float) -> dict[str, str]:
    empty = dict.fromkeys(COLUMNS, "")
    return empty | {"file": inert(name), "finding": finding, "threshold": f"{threshold:.6g}"}


def inert(text: str) -> str:
    """A cell that a spreadsheet shows instead of running: names come from outside."""
    quoted = f"'{text}" if text.startswith(FORMULA_STARTS) else text
    return quoted.replace("\r", " ")  # the csv module leaves it bare, and readers end the row
