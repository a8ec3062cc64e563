"""Training batches: films changed so that no shortcut and no white lung misleads the network."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F

from cxrapp.model.lungs import KINDS
from train.augment import change_tone, draw_places, move
from train.lungs.films import Pool
from train.recipe import Augment

# Wider than the children's recipe in place, shading and grain: one lung network stands before every
# bundle, and sees films of any hospital. Units as `Augment` gives them.
RANGES = Augment(
    flip=0,  # a mirrored film is a kind of its own
    rotation=15,
    zoom=0.2,
    aspect=0.35,
    shift=0.08,
    shear=4,
    contrast=0.3,
    brightness=0.15,
    gamma=0.3,
    sharpness=1.0,
    noise=0.06,
    border=0.06,
    erase=0.2,
    tone=0.5,
    style=0.3,
    local=0.3,
)
# Share of the chest films of a batch that becomes each kind; the rest stays frontal.
# Mirrored most: it is the hardest to notice, 0.95 of children's films kept apart where all of the
# turned ones are refused.
KIND_SHARES = {
    "mirrored": 0.12,
    "turned to the left": 0.03,
    "turned to the right": 0.03,
    "upside down": 0.03,
    "negative": 0.03,
}
TURNS = {"turned to the left": 1, "turned to the right": -1, "upside down": 2}  # quarters, as rot90
CUT_SHARE = 0.1  # of the films with masks: only a part of the film is shown
# Dense consolidation is what the films are taken for, and a lung must not be lost with it.
WHITE_SHARE = 0.3  # of the films with masks: one lung turns white, all of it or its lower part
HALF_LUNG, WHOLE_LUNG = 0.5, 0.8  # shares of the smaller lung still seen: less is no chest film


@dataclass(frozen=True)
class Batch:
    """Inputs, targets, and which of the targets count.

    Args:
        films: (N, 1, S, S) float32 in [0, 1].
        masks: (N, 2, S, S) float32 in [0, 1].
        masked, known: (N,) bool: whether the masks, and the kind, count.
        kinds: (N,) int64, index into `KINDS`.
        adult: (N,) float32, NaN where it does not count.
    """

    films: torch.Tensor
    masks: torch.Tensor
    masked: torch.Tensor
    kinds: torch.Tensor
    known: torch.Tensor
    adult: torch.Tensor


def make_batch(pool: Pool, chosen: torch.Tensor, generator: torch.Generator) -> Batch:
    """Change the chosen films, (N,) int64, each its own way."""
    films, masks = pool.films[chosen].float() / 255, pool.masks[chosen].float() / 255
    masked, chest = pool.masked[chosen], pool.chest[chosen]
    lungs = masked & chest

    def chance(share: float) -> torch.Tensor:  # (N,) bool
        return torch.rand(len(films), generator=generator) < share

    # Before anything moves, so that a white lung turns, shrinks and is cut as any other.
    films = whiten_lungs(films, masks, lungs & chance(WHITE_SHARE), generator)
    places = draw_places(len(films), RANGES, generator)
    cut = lungs & chance(CUT_SHARE)
    places = torch.where(cut.view(-1, 1, 1), draw_cuts(len(films), generator), places)
    area = masks.sum((2, 3))
    # Masks move as channels of their films, by the very same matrix.
    moved = move(torch.cat([films, masks], 1), places)
    films, masks = moved[:, :1], moved[:, 1:]
    # Masks grow and shrink with the film. The determinant takes their area back to what it would be
    # on the film as it was, so that only what has left it is missing.
    zoom = torch.linalg.det(places[:, :, :2]).abs()
    seen = (masks.sum((2, 3)) * zoom.view(-1, 1) / area.clamp(min=1)).amin(1)  # of either lung

    kinds = draw_kinds(len(films), generator)
    gone = lungs & (seen < HALF_LUNG)
    kinds[gone | ~chest] = KINDS.index("no chest film")
    # Between the two shares nobody could say whether it still is a chest film.
    known = ~(lungs & (seen >= HALF_LUNG) & (seen < WHOLE_LUNG))
    films, masks = films.clone(), masks.clone()
    # Masks stay as they were and do not count: a turned film is refused whatever its lungs.
    for kind, quarters in TURNS.items():
        rows = kinds == KINDS.index(kind)
        films[rows] = films[rows].rot90(quarters, (2, 3))
        masked = masked & ~rows
    rows = kinds == KINDS.index("mirrored")
    # What was the lung on the film's left lies on its right now, so the masks change places too.
    films[rows], masks[rows] = films[rows].flip(3), masks[rows].flip(3).flip(1)
    # Other pictures are inverted and turned as well, or to be either would mark a chest.
    rows = (kinds == KINDS.index("negative")) | (~chest & chance(0.3))
    films[rows] = 1 - films[rows]
    rows = ~chest & chance(0.5)
    films[rows] = films[rows].rot90(1, (2, 3))
    # The gate asks no age of what is no chest film.
    adult = pool.adult[chosen].masked_fill(kinds == KINDS.index("no chest film"), torch.nan)
    films = change_tone(films, RANGES, generator)
    return Batch(films, masks, masked & ~cut, kinds, known, adult)


def draw_kinds(count: int, generator: torch.Generator) -> torch.Tensor:
    """(N,) int64, drawn by `KIND_SHARES`."""
    # The kind `no chest film` is not drawn: `make_batch` tells it by the picture, or by what is
    # left of the lungs.
    shares = torch.tensor([KIND_SHARES.get(kind, 0.0) for kind in KINDS])
    shares[KINDS.index("frontal")] = 1 - shares.sum()  # 0.76
    return torch.multinomial(shares, count, replacement=True, generator=generator)


def draw_cuts(count: int, generator: torch.Generator) -> torch.Tensor:
    """Windows that show a part of a film, such as one half of it: (N, 2, 3), as `draw_places`."""
    # Each 0.3 to 0.8 of its side.
    width, height = 0.3 + 0.5 * torch.rand((2, count), generator=generator)
    # Half of them are nearly as high as the film: one side of a chest, from top to bottom.
    height = torch.where(torch.rand(count, generator=generator) < 0.5, 0.95, height)
    x, y = 2 * torch.rand((2, count), generator=generator) - 1
    places = torch.zeros(count, 2, 3)
    # Coordinates run from -1 to 1: a window may move by what it leaves free, and stays inside.
    places[:, 0, 0], places[:, 0, 2] = width, x * (1 - width)
    places[:, 1, 1], places[:, 1, 2] = height, y * (1 - height)
    return places


def whiten_lungs(
    films: torch.Tensor, masks: torch.Tensor, chosen: torch.Tensor, generator: torch.Generator
) -> torch.Tensor:
    """Make one lung of the chosen films as white as consolidation does, in whole or from below.

    Args:
        films, masks: (N, 1, S, S) and (N, 2, S, S) float32.
        chosen: (N,) bool.
    """
    count, size = len(films), films.shape[-1]
    side = torch.randint(0, 2, (count,), generator=generator)
    lung = masks[torch.arange(count), side].unsqueeze(1)
    width = size // 16 * 2 + 1  # odd: 13 pixels at 96 px, 17 at 128
    soft = F.avg_pool2d(lung, width, 1, width // 2)
    # Mostly outwards: inside its edge 0.8 stays covered, or a dark rim would give it away.
    soft = torch.maximum(soft, 0.8 * lung)
    rows = ((torch.arange(size) + 0.5) / size).view(1, 1, -1, 1)
    top, depth, level = torch.rand((3, count, 1, 1, 1), generator=generator)
    # It begins between a fifth of the height above the film, where it whitens the whole lung, and
    # 0.7 down; it is full an eighth of the height further on.
    ramp = ((rows - (0.9 * top - 0.2)) * 8).clamp(0, 1)  # from here downwards
    bright = films.amax((2, 3), keepdim=True) * (0.6 + 0.4 * level)
    share = soft * ramp * (0.5 + 0.5 * depth) * chosen.view(-1, 1, 1, 1)
    return films + share * (bright - films)
