"""What is plausible, by films kept for validation: every limit of `LungCard`."""

from dataclasses import dataclass

import numpy as np
import torch

from cxrapp.model.lung_finder import LungFinder
from cxrapp.model.lungs import KINDS, LungCard, Lungs, describe, read_lungs

SHAPE_TAIL = 0.001  # share of validation films beyond each end, before the margin
SHAPE_MARGIN = 0.15  # of the span between the ends: some hundred films lack the extremes
# Share of the frontal validation films that may count as another kind, and of the well children
# that may look like adults: half of what the goals allow, because other films are always a little
# worse. Of the sick fewer look like adults, and who comes to a clinic is not known.
KIND_TAIL = {"no chest film": 0.003, "mirrored": 0.005}
OTHER_TAIL = 0.001
ADULT_TAIL = 0.005
MOST = 0.99  # no limit lies higher: a network is not that well calibrated
BATCH = 32  # films a pass


@dataclass(frozen=True)
class Looks:
    """What the network says about N films.

    Args:
        masks: (N, 2, S, S) float32 in [0, 1].
        kinds: (N, 7) float32, adding up to 1.
        adult: (N,) float32 in [0, 1].
    """

    masks: np.ndarray
    kinds: np.ndarray
    adult: np.ndarray

    def read(self, card: LungCard) -> list[Lungs]:
        """By the card's limits, as the clinic reads them."""
        named = (dict(zip(KINDS, row.tolist(), strict=True)) for row in self.kinds)
        return [
            read_lungs(card, mask, kinds, float(adult))
            for mask, kinds, adult in zip(self.masks, named, self.adult, strict=True)
        ]


def look_at(finder: LungFinder, films: torch.Tensor) -> Looks:
    """Show films (N, 1, S, S), uint8 or float32 in [0, 1], to the network as it is stored."""
    # As `Preprocessing.to_input` gives films in the clinic, where the limits will apply.
    if films.dtype == torch.uint8:
        films = films.float() / 255
    parts = [finder.look(part.numpy()) for part in films.split(BATCH)]
    return Looks(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def set_limits(
    frontal: Looks, well: np.ndarray, held_out: np.ndarray
) -> tuple[dict[str, tuple[float, float]], dict[str, float], float]:
    """The card's `shapes`, `kinds` and `adult`.

    Args:
        frontal: Of validation films, all of them frontal chest films.
        well: (N,) bool: which of them are of well children.
        held_out: (M,) how adult well children of the training films look to heads that have not
            seen them: the validation films are too few for a share of a two-hundredth.
    """
    described = [describe(mask) for mask in frontal.masks]
    shapes = {}
    for name in described[0]:
        values = [shape[name] for shape in described]
        low, high = np.quantile(values, (SHAPE_TAIL, 1 - SHAPE_TAIL))
        margin = SHAPE_MARGIN * (high - low)
        shapes[name] = (float(low - margin), float(high + margin))
    kinds = {
        kind: _limit(frontal.kinds[:, index], KIND_TAIL.get(kind, OTHER_TAIL))
        for index, kind in enumerate(KINDS)
        if index  # `frontal` has none: it is what a film is where nothing else is likely enough
    }
    # Validation holds one block of children, well ones some seventy: too few alone.
    return shapes, kinds, _limit(np.concatenate([frontal.adult[well], held_out]), ADULT_TAIL)


def _limit(probabilities: np.ndarray, tail: float) -> float:
    """Where only so many of (N,) films lie above, but never below one half."""
    # From one half on no two kinds are likely enough at once, as those of a film add up to 1.
    return float(np.clip(np.quantile(probabilities, 1 - tail), 0.5, MOST))
