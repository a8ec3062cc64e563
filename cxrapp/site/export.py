"""A site's reports as a file of operating points, as JSON, and in sentences."""

import json
import math
from collections.abc import Iterable
from dataclasses import asdict
from datetime import date
from typing import Any

from cxrapp.model.card import ModelCard
from cxrapp.session.saved_points import SavedPoint
from cxrapp.site.assess import CAVEATS, SiteReport

SCHEMA = 1


def to_points(reports: Iterable[SiteReport], today: date) -> tuple[SavedPoint, ...]:
    """The recommended thresholds, for `dump_points`; reports that are not sound are left out."""
    return tuple(
        SavedPoint(
            report.finding,
            f"site: sensitivity at least {100 * report.goal:g} %",
            report.recommended.threshold.value,
            note=_note(report, today),
            saved=today.isoformat(),
        )
        for report in reports
        if report.sound
    )


def _note(report: SiteReport, today: date) -> str:
    return (
        f"Site calibration on {report.films:,} films of {report.patients:,} patients, goal "
        f"sensitivity at least {100 * report.goal:g} % by the lower bound of its 95 % interval, "
        f"{today.isoformat()}."
    )


def summarise(
    card: ModelCard, reports: Iterable[SiteReport], today: date, grouping: str = ""
) -> str:
    """All numbers as strict JSON, without a curve, a film's name or a patient.

    Args:
        card: Of the bundle that was assessed.
        reports: One a finding.
        today: The day written into it.
        grouping: Where the patients come from, `SiteLabels.grouping`.
    """
    values = {
        "schema": SCHEMA,
        "bundle": card.name,
        "bundle_sha256": card.sha256,
        "date": today.isoformat(),
        "grouping": grouping,
        "caveats": CAVEATS,
        "findings": [_without_curve(report) for report in reports],
    }
    return json.dumps(_plain(values), indent=2, allow_nan=False) + "\n"


def _without_curve(report: SiteReport) -> dict[str, Any]:
    return {key: value for key, value in asdict(report).items() if key != "roc"}


def _plain(value: Any) -> Any:
    """NaN and infinity have no place in JSON."""
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
