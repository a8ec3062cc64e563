"""The model file and its card: what the app loads.

A bundle is two files: NAME.pt, TorchScript with the attributes `features`, `head` and `distance`,
and NAME.json, its model card with the SHA-256 of the .pt. Loading TorchScript runs its author's
program, so a file is opened only after its digest matches the card beside it.
"""

import hashlib
import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch

from cxrapp.card import ModelCard, load_card
from cxrapp.errors import InvalidBundle

WEIGHTS = Path(os.environ.get("CXR_WEIGHTS", Path(__file__).parents[1] / "weights"))
DEFAULT = "pneumonia"  # the bundle to begin with, where it is there

# PyTorch announces torch.jit's end with every call; the bundle format is pinned in requirements.
warnings.filterwarnings("ignore", message=r".*torch\.jit\..* is deprecated", category=FutureWarning)


class Encoder(Protocol):
    """The parts of a network, scripted or eager.

    Args:
        backbone: (N, 1, S, S) float32 in [0, 1] -> (N, C, h, w) feature map after the last ReLU,
            and (N, D) averages over each film of what every dense block puts out.
        head: (N, C, h, w) -> (N, K) logits.
    """

    backbone: Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]]
    head: Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Bundle:
    """A loaded network, as in `Encoder`, and what belongs to it.

    Args:
        distance: (N, D) averages of the backbone -> (N,) distance from the training films.
        card: What is known about it.
    """

    backbone: torch.nn.Module
    head: torch.nn.Module
    distance: torch.nn.Module
    card: ModelCard


def load_bundle(path: Path, *, frozen: bool = True) -> Bundle:
    """Load a bundle for inference: digest and card verified, no gradients.

    Args:
        path: The bundle's .pt.
        frozen: False keeps the layers and weights within reach, for a look inside; slower.

    Raises:
        InvalidBundle: The file or its card is missing, damaged or altered.
    """
    card = load_card(path)
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        raise InvalidBundle(f"{path.name}: the model file is missing.") from None
    if digest != card.sha256:
        raise InvalidBundle(
            f"{path.name}: the model file is not the one its card describes (SHA-256 differs); "
            "copy both files again."
        )
    try:
        return Bundle(*load_parts(path, frozen=frozen), card)
    except (RuntimeError, AttributeError, ValueError) as error:
        raise InvalidBundle(f"{path.name}: the model file cannot be loaded ({error}).") from error


def load_parts(
    path: Path, *, frozen: bool = True
) -> tuple[torch.nn.Module, torch.nn.Module, torch.nn.Module]:
    """Open a TorchScript file as (backbone, head, distance) for inference in float32.

    Folding batch normalisation (freezing) and channels last take a third off a film's time, but
    what is frozen has no layers and no weights to ask for any more.
    Only for files whose origin is known: see `load_bundle`.
    """
    module = torch.jit.load(path, map_location="cpu").float().eval()
    for parameter in module.parameters():
        parameter.requires_grad = False
    module.to(memory_format=torch.channels_last)
    parts = (module.features.backbone, module.head, module.distance)
    return tuple(torch.jit.freeze(part) for part in parts) if frozen else parts


def find_bundles(folder: Path) -> list[Path]:
    """The .pt files of a folder, the default first, then by name."""
    return sorted(folder.glob("*.pt"), key=lambda path: (path.stem != DEFAULT, path.stem))
