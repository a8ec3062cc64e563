"""What may stand in a field of a model card. The card comes from a file, so all of it is checked.

Numbers are finite, texts are plain words, and names that become parts of file names are such.
"""

import json
import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, NotRequired, TypeVar

import numpy as np
from pydantic import ConfigDict, Field, PlainValidator, TypeAdapter, ValidationError
from typing_extensions import TypedDict  # Pydantic asks for this one before Python 3.12

from cxrapp.errors import InvalidBundle
from cxrapp.model.bundle_files import read_part

Card = TypeVar("Card")
MAX_TEXT = 2_000  # characters of one text
# HTML tags, and Markdown's links and pictures, which would fetch an address from the reader's
# browser. "< 5 years" and "[0, 1]" are plain words.
MARKUP = re.compile(r"<[A-Za-z/!?]|\]\s?[(\[:]")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

EXACT = ConfigDict(extra="forbid", arbitrary_types_allowed=True)
OPEN = ConfigDict(extra="allow")

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,40}$")]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Fraction = Annotated[float, Field(ge=0, le=1)]
Whole = Annotated[np.ndarray, PlainValidator(lambda values: np.asarray(values, int))]
Real = Annotated[np.ndarray, PlainValidator(lambda values: np.asarray(values, float))]  # null: NaN


class Measured(TypedDict):
    """A measure with its 95 % interval and the number of films; see `bootstrap.Rate`."""

    __pydantic_config__ = EXACT
    value: float
    low: float
    high: float
    n: int


class Measures(TypedDict):
    """One finding in one cohort, at one threshold; see `OperatingPoint` and `SiteCalibration`.

    `error_if_calibrated` is the calibration error that chance alone would show. What cards of
    format 2 did not measure may be missing, and so may a slope that no finite line gives.
    """

    __pydantic_config__ = EXACT
    auroc: Measured
    calibration_error: Measured
    error_if_calibrated: NotRequired[float]
    in_the_large: NotRequired[Measured]
    slope: NotRequired[Measured]
    threshold: float
    true_positives: int
    false_positives: int
    true_negatives: int
    false_negatives: int
    sensitivity: Measured
    specificity: Measured
    precision: Measured
    accuracy: Measured
    f1: Measured


class GroupMeasures(TypedDict, total=False):
    """One finding in a part of a cohort: what its films allow to be measured."""

    __pydantic_config__ = EXACT
    auroc: Measured
    sensitivity: Measured
    specificity: Measured


class Together(TypedDict, total=False):
    """All findings of one cohort."""

    __pydantic_config__ = EXACT
    accuracy: Measured
    accepted: Measured


class LungChance(TypedDict):
    """One finding's evidence in the lungs where the head's weights are shuffled.

    `density` is the share of a map's heat inside by the share of the film that the lungs cover,
    averaged over films: 1 is heat spread evenly. Of such maps one in twenty has less than `low`.
    """

    __pydantic_config__ = EXACT
    density: Measured
    low: Annotated[float, Field(ge=0)]


class History(TypedDict):
    """Epoch by epoch: lists of one length."""

    __pydantic_config__ = OPEN
    epoch: list[int]
    train_loss: list[float]
    validation_loss: list[float]


class ShownRecipe(TypedDict):
    """Of the recipe, what the app shows."""

    __pydantic_config__ = OPEN
    init: str
    seed: int


class Parity(TypedDict):
    """How the network in bfloat16 answers against float32, over the films of every cohort.

    `probability` is the largest difference of a calibrated one; `decisions` are those that change
    at the default thresholds, a film refused for its distance being decided neither way, and
    `warnings` those for distance that come or go. `time` is a film's by that in float32; null where
    the card was made on a processor without bfloat16.
    """

    __pydantic_config__ = EXACT
    films: int
    probability: float
    decisions: int
    warnings: int
    time: float | None


# By its keys, which have spaces.
Precision = TypedDict("Precision", {"stored as": str, "bfloat16": NotRequired[Parity]})
Precision.__pydantic_config__ = OPEN
Training = TypedDict(
    "Training",
    {
        "recipe": ShownRecipe,
        "films": dict[str, int],
        "patients": dict[str, int],
        "data sha256": str,
        "best epoch": int,
        "history": History,
        "weights": Precision,
        "versions": dict[str, str],
        "test openings": NotRequired[int],
    },
)
Training.__pydantic_config__ = EXACT


def read_json(data: bytes) -> Any:
    """Strict JSON with finite numbers and plain texts.

    Raises:
        ValueError: It is not, and where.
    """
    values = json.loads(data, parse_float=_finite, parse_constant=_finite)
    _check_texts(values)
    return values


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:40]} is not a finite number")
    return number


def _check_texts(value: Any) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            _check_texts(key)
            _check_texts(inner)
    elif isinstance(value, list):
        for inner in value:
            _check_texts(inner)
    elif isinstance(value, str):
        if len(value) > MAX_TEXT:
            raise ValueError(f"a text has {len(value):,} characters, at most {MAX_TEXT:,} are read")
        if found := MARKUP.search(value) or CONTROL.search(value):
            raise ValueError(f"a text holds {found.group()!r}, and only plain words are shown")


def read_card(
    path: Path,
    limit: int,
    kind: type[Card],
    check: Callable[[Card], None],
    upgrades: Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]],
) -> Card:
    """Read the card beside a model file, of whichever kind.

    Args:
        path: The model's .pt or its .json.
        limit: The most bytes it may have.
        check: Raises ValueError, with the reason, for a card that contradicts itself.
        upgrades: Format -> what makes values of any shape one of the newest, which comes first.

    Raises:
        InvalidBundle: It is missing, damaged, of another format, or says what cannot be.
    """
    path = path.with_suffix(".json")
    data = read_part(path, "the model card", limit)
    try:
        values = read_json(data)
        schema = values.pop("schema")
        upgrade = upgrades.get(schema)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidBundle(f"{path.name}: the model card is damaged ({error}).") from error
    if upgrade is None:
        found, known = str(schema)[:20], " and ".join(map(str, upgrades))
        raise InvalidBundle(
            f"{path.name}: the model card has format {found}; this program reads {known}."
            " An older one is written anew from its run by this program's python -m train; a newer "
            "one asks for a newer program."
        )
    try:
        card = TypeAdapter(kind).validate_python(upgrade(values))
        check(card)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = " ".join(str(part) for part in first["loc"])
        reason = f"{where}: {first['msg']}"
    except (ValueError, TypeError, KeyError, ArithmeticError) as error:
        reason = str(error)
    else:
        return card
    raise InvalidBundle(f"{path.name}: the model card does not fit ({reason}).")
