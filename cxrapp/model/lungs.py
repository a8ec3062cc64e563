"""What is known of a film's lungs, and the card of the network that finds them. No torch."""

import json
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field
from pydantic.dataclasses import dataclass as checked

from cxrapp.films.preprocess import Preprocessing
from cxrapp.model.card_schema import EXACT, Digest, Fraction, Measured

SCHEMA = 1
KINDS = (
    "frontal",
    "mirrored",
    "turned to the left",
    "turned to the right",
    "upside down",
    "negative",
    "no chest film",
)
SIDES = ("left", "right")  # of the film as it hangs: the patient's right and left
ZONES = ("upper", "middle", "lower")  # thirds of a lung's height


@checked(frozen=True, config=EXACT)
class Example:
    """One film of the sheet of examples.

    Args:
        film: What it is, in words.
        level, words: What the gate says of it, by its lungs and what its file is.
    """

    film: str
    level: Literal["accept", "warn", "refuse"]
    words: str


@checked(frozen=True, config=EXACT)
class Sheet:
    """Examples as one picture beside the card, NAME.jpg: squares row by row, `across` in each.

    Args:
        source: Of the films, with their terms.
    """

    sha256: Digest
    across: Annotated[int, Field(ge=1)]
    films: tuple[Example, ...]
    source: str


@checked(frozen=True, config=EXACT)
class LungCard:
    """What is known about the lung network.

    Args:
        shapes: Entry of `describe` -> the least and the most of a plausible pair of lungs.
        kinds: Entry of `KINDS` but the first -> probability from which a film counts as one.
        adult: Probability from which a film looks like an adult's.
        measured: Group of films -> measure -> {value, low, high, n}.
        training: Data, settings and versions, for people.
        sheet: Of films kept apart, where there is one.
    """

    sha256: Digest
    preprocessing: Preprocessing
    shapes: dict[str, tuple[float, float]]
    kinds: dict[str, Fraction]
    adult: Fraction
    measured: dict[str, dict[str, Measured]]
    training: dict[str, Any]
    sheet: Sheet | None = None

    def to_json(self) -> str:
        """The card as strict JSON."""
        values = {"schema": SCHEMA, **asdict(self)}
        return json.dumps(values, allow_nan=False, indent=1) + "\n"


@dataclass(frozen=True)
class Lungs:
    """The lungs of one film, and what the film is if it is no frontal one.

    Args:
        masks: (2, S, S) float16 in [0, 1], over the whole film: how sure a place is inside the
            lung on the film's left and the one on its right.
        kind: Entry of `KINDS`; `frontal` unless another is likely enough.
        implausible: Entries of `describe` outside the card's limits.
        looks_adult: Whether it looks like an adult's film.
    """

    masks: np.ndarray
    kind: str = KINDS[0]
    implausible: tuple[str, ...] = ()
    looks_adult: bool = False

    @property
    def areas(self) -> tuple[float, float]:
        """Of each lung, as a share of the film."""
        left, right = (self.masks > 0.5).mean((1, 2)).tolist()
        return left, right

    def lay_over(self, shape: tuple[int, int]) -> np.ndarray:
        """The masks over a film or a map of it: shape (H, W) -> (2, H, W) bool, disjoint."""
        preprocessing = Preprocessing(self.masks.shape[-1])
        left, right = (preprocessing.to_image(mask, shape) for mask in self.masks)
        return np.stack([(left > 0.5) & (left >= right), (right > 0.5) & (right > left)])

    def union(self, shape: tuple[int, int]) -> np.ndarray:
        """Where either lung is: shape (H, W) -> (H, W) bool."""
        mask = self.masks.max(0)
        return Preprocessing(mask.shape[-1]).to_image(mask, shape) > 0.5

    def zones(self, shape: tuple[int, int]) -> np.ndarray:
        """Thirds of each lung's height: shape (H, W) -> (2, 3, H, W) bool, sides by `ZONES`."""
        sides = self.lay_over(shape)
        parts = np.zeros((2, len(ZONES), *shape), bool)
        for side, mask in enumerate(sides):
            rows = np.flatnonzero(mask.any(1))
            if len(rows):
                height = rows[-1] + 1 - rows[0]
                zone = np.clip((np.arange(shape[0]) - rows[0]) * len(ZONES) // height, 0, 2)
                for number in range(len(ZONES)):
                    parts[side, number] = mask & (zone == number)[:, None]
        return parts


def read_lungs(card: LungCard, masks: np.ndarray, kinds: dict[str, float], adult: float) -> Lungs:
    """What the network says of one film, by the card's limits.

    Args:
        masks: (2, S, S) float32 in [0, 1].
        kinds: Entry of `KINDS` -> probability.
        adult: Probability that it is an adult's.
    """
    likely = [kind for kind, limit in card.kinds.items() if kinds[kind] >= limit]
    kind = max(likely, key=kinds.__getitem__, default=KINDS[0])
    shape = describe(masks)
    wrong = [n for n, (low, high) in card.shapes.items() if not low <= shape[n] <= high]
    return Lungs(masks.astype(np.float16), kind, tuple(wrong), adult >= card.adult)


def describe(masks: np.ndarray) -> dict[str, float]:
    """What a pair of lungs looks like, in numbers that have limits.

    Args:
        masks: (2, S, S) float32 in [0, 1].

    Returns:
        Areas as shares of the film, places of the lungs' centres as shares of its side from the
        left and from the top, and how sure the masks are where they are. An empty mask has area 0
        and lies in the middle.
    """
    inside = masks > 0.5
    areas = inside.mean((1, 2))
    line = (np.arange(masks.shape[-1]) + 0.5) / masks.shape[-1]
    totals = np.maximum(inside.sum((1, 2)), 1)
    x = np.where(areas > 0, (inside.sum(1) * line).sum(1) / totals, 0.5)
    y = np.where(areas > 0, (inside.sum(2) * line).sum(1) / totals, 0.5)
    sure = (masks * inside).sum((1, 2)) / totals
    return {
        "area of the smaller": float(areas.min()),
        "area of the larger": float(areas.max()),
        "across, left": float(x[0]),
        "across, right": float(x[1]),
        "apart": float(x[1] - x[0]),
        "down, left": float(y[0]),
        "down, right": float(y[1]),
        "sureness": float(sure.min()),
    }
