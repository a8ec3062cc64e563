"""The network that finds the lungs: `lungs.pt`, one for every bundle of its folder.

It is two files as a bundle is: TorchScript, and a card with its SHA-256, its limits and how it was
measured.
"""

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from cxrapp.errors import InvalidBundle
from cxrapp.model.bundle_files import read_part
from cxrapp.model.card_schema import read_card
from cxrapp.model.lungs import KINDS, SCHEMA, LungCard, Lungs, describe, read_lungs
from cxrapp.model.script import Frozen, freeze, load_script, open_model
from cxrapp.runtime.network_queue import NETWORK, NetworkQueue

FILE = "lungs.pt"
MAX_BYTES = 32 * 2**20
MAX_CARD_BYTES = 2**20
SIDES = range(32, 513)  # pixels a side of the network's input
MISSING = (
    f"There is no {FILE} beside the model: the lungs are not outlined, adults are not told by "
    "their films, and other films than frontal chest films only by how unusual they are. Copy "
    f"{FILE} and its .json there, or train it: python -m train lungs."
)


@dataclass(frozen=True)
class LungFinder:
    """The network, films (N, 1, S, S) -> masks (N, 2, S, S), kinds (N, 7), adult (N,); its card."""

    network: torch.nn.Module
    card: LungCard

    def find(self, films: Sequence[np.ndarray], queue: NetworkQueue = NETWORK) -> list[Lungs]:
        """The lungs of films, each (H, W) float32 in [0, 1], in one pass.

        Args:
            queue: Where to wait for the cores.
        """
        to_input = self.card.preprocessing.to_input
        inputs = np.stack([to_input(film) for film in films])
        masks, kinds, adult = self.look(inputs, queue)
        return [
            read_lungs(self.card, mask, dict(zip(KINDS, kind.tolist(), strict=True)), float(age))
            for mask, kind, age in zip(masks, kinds, adult, strict=True)
        ]

    @torch.no_grad()
    def look(
        self, films: np.ndarray, queue: NetworkQueue = NETWORK
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Probabilities for films (N, 1, S, S) from `Preprocessing.to_input`.

        Returns:
            Masks (N, 2, S, S), kinds (N, 7) and adult (N,), float32 in [0, 1].
        """
        tensor = torch.from_numpy(films).contiguous(memory_format=torch.channels_last)
        with queue.turn():
            masks, kinds, adult = self.network(tensor)
        return masks.contiguous().numpy(), kinds.numpy(), adult.numpy()


def load_lungs(path: Path) -> LungFinder | None:
    """Load the lung network, digest and card verified; None where there is none.

    Args:
        path: Its .pt.

    Raises:
        InvalidBundle: One of its files is there and the other is not, or it is damaged, altered
            or of another format.
    """
    if not path.exists() and not path.with_suffix(".json").exists():
        return None
    card = load_lung_card(path)
    with open_model(path, card.sha256, MAX_BYTES) as file:
        finder = LungFinder(Frozen(freeze(load_script(file))), card)
        _check_answer(finder)
    return finder


def load_lung_card(path: Path) -> LungCard:
    """Read the card beside the lung network's .pt.

    Raises:
        InvalidBundle: See `read_card`.
    """
    return read_card(path, MAX_CARD_BYTES, LungCard, _check_card, {SCHEMA: dict[str, Any]})


def read_sheet(path: Path, card: LungCard) -> list[Image.Image]:
    """The pictures of the card's examples; none where it has none, or their file is not there.

    Args:
        path: The lung network's .pt.

    Raises:
        InvalidBundle: The file is not that of the card.
    """
    path = path.with_suffix(".jpg")
    if card.sheet is None or not path.exists():
        return []
    data = read_part(path, "the sheet of films", MAX_CARD_BYTES)
    if hashlib.sha256(data).hexdigest() != card.sheet.sha256:
        raise InvalidBundle(f"{path.name}: the sheet of films is not the one of its card.")
    with Image.open(io.BytesIO(data), formats=["JPEG"]) as sheet:
        side = sheet.width // card.sheet.across
        corners = (divmod(n, card.sheet.across) for n in range(len(card.sheet.films)))
        return [
            sheet.crop((x * side, y * side, (x + 1) * side, (y + 1) * side)) for y, x in corners
        ]


def _check_card(card: LungCard) -> None:
    """Raises ValueError for a card whose limits are not those this program knows."""
    if set(card.kinds) != set(KINDS[1:]):
        raise ValueError("its kinds of films are not those this program knows")
    if set(card.shapes) != set(describe(np.zeros((2, 1, 1), np.float32))):
        raise ValueError("its limits of the lungs are not those this program knows")
    if card.preprocessing.size not in SIDES:
        raise ValueError(f"an input of {card.preprocessing.size} pixels a side")


def _check_answer(finder: LungFinder) -> None:
    """Raises ValueError unless the network gives masks, kinds and an age for a black film."""
    size = finder.card.preprocessing.size
    answers = finder.look(np.zeros((1, 1, size, size), np.float32))
    if [part.shape for part in answers] != [(1, 2, size, size), (1, len(KINDS)), (1,)]:
        raise ValueError("it does not answer with two lungs, the kind of film and the age")
    if not all(((part >= 0) & (part <= 1)).all() for part in answers):
        raise ValueError("its answers are no probabilities")
