"""Operating points that somebody chose, with the reason and the date, as a file to load again."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from cxrapp.errors import InvalidSettings
from cxrapp.model.card import ModelCard
from cxrapp.model.decision import Setting

SCHEMA = 1
MAX_TEXT = 500  # characters of a name or a note


@dataclass(frozen=True)
class SavedPoint:
    """A setting of one finding, both its ends in [0, 1].

    Args:
        saved: The day, as YYYY-MM-DD.
    """

    finding: str
    name: str
    setting: Setting
    note: str = ""
    saved: str = ""


def dump_points(card: ModelCard, points: Iterable[SavedPoint]) -> str:
    """The points as JSON, with the bundle they belong to."""
    values = {
        "schema": SCHEMA,
        "bundle": card.name,
        "bundle_sha256": card.sha256,
        "points": [_to_values(point) for point in points],
    }
    return json.dumps(values, indent=2, allow_nan=False) + "\n"


def load_points(card: ModelCard, text: str) -> tuple[SavedPoint, ...]:
    """Read back what `dump_points` wrote.

    Raises:
        InvalidSettings: It is no such file, or its thresholds are those of another bundle.
    """
    try:
        values = json.loads(text)
        schema, sha256 = values["schema"], values["bundle_sha256"]
        points = tuple(_from_values(**point) for point in values["points"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise InvalidSettings("This is not a settings file of this program.") from None
    if schema != SCHEMA:
        raise InvalidSettings(
            f"The settings file has format {schema}; this program reads {SCHEMA}."
        )
    if sha256 != card.sha256:
        raise InvalidSettings(
            f"The settings were saved for another model ({values.get('bundle')}); a threshold of "
            "one model means nothing for another."
        )
    for point in points:
        _check(card, point)
    return points


def _to_values(point: SavedPoint) -> dict[str, Any]:
    """As the file has it, in one row."""
    values = asdict(point.setting) | {"note": point.note, "saved": point.saved}
    return {"finding": point.finding, "name": point.name} | values


def _from_values(threshold: float, abstain_from: float | None = None, **values: str) -> SavedPoint:
    return SavedPoint(setting=Setting(threshold, abstain_from), **values)


def _check(card: ModelCard, point: SavedPoint) -> None:
    if point.finding not in [finding.name for finding in card.findings]:
        raise InvalidSettings(f"The model has no finding {point.finding!r}.")
    texts = (point.name, point.note, point.saved)
    if not all(isinstance(text, str) and len(text) <= MAX_TEXT for text in texts):
        raise InvalidSettings(f"The texts of {point.finding} are not texts, or too long.")
    threshold, abstain_from = point.setting.threshold, point.setting.abstain_from
    lowest = threshold if abstain_from is None else abstain_from
    if not all(isinstance(value, int | float) for value in (lowest, threshold)):
        raise InvalidSettings(f"A threshold of {point.finding} is not a number.")
    if not 0 <= lowest <= threshold <= 1:
        raise InvalidSettings(f"A threshold of {point.finding} is not between 0 and 1.")
    if point.saved:
        try:
            date.fromisoformat(point.saved)
        except ValueError:
            raise InvalidSettings(f"{point.saved!r} is not a date.") from None
