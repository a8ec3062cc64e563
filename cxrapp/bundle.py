"""The model file and its card: what the app loads.

A bundle is two files: NAME.pt, TorchScript with the attributes `features` and `head`, and
NAME.json, its model card with the SHA-256 of the .pt. Loading TorchScript runs its author's
program, so a file is opened only after its digest matches the card beside it.
"""

import hashlib
import os
import warnings
from dataclasses import dataclass
from pathlib import Path

import torch

from cxrapp.card import ModelCard, load_card
from cxrapp.errors import InvalidBundle

WEIGHTS = Path(os.environ.get("CXR_WEIGHTS", Path(__file__).parents[1] / "weights"))

# PyTorch announces torch.jit's end with every call; the bundle format is pinned in requirements.
warnings.filterwarnings("ignore", message=r".*torch\.jit\..* is deprecated", category=FutureWarning)


@dataclass(frozen=True)
class Bundle:
    """A loaded network and its card.

    Args:
        card: What is known about it.
        features: (N, 1, S, S) float32 in [0, 1] -> (N, C, h, w) feature map after the last ReLU.
        head: (N, C, h, w) -> (N, K) logits.
    """

    card: ModelCard
    features: torch.nn.Module
    head: torch.nn.Module


def load_bundle(path: Path) -> Bundle:
    """Load a bundle for inference: digest and card verified, no gradients.

    Args:
        path: The bundle's .pt.

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
        features, head = load_halves(path)
    except (RuntimeError, AttributeError, ValueError) as error:
        raise InvalidBundle(f"{path.name}: the model file cannot be loaded ({error}).") from error
    return Bundle(card, features, head)


def load_halves(path: Path) -> tuple[torch.nn.Module, torch.nn.Module]:
    """Open a TorchScript file as (features, head) for inference in float32.

    Folding batch normalisation (freezing) and channels last take a third off a film's time.
    Only for files whose origin is known: see `load_bundle`.
    """
    module = torch.jit.load(path, map_location="cpu").float().eval()
    for parameter in module.parameters():
        parameter.requires_grad = False
    module.to(memory_format=torch.channels_last)
    return torch.jit.freeze(module.features), torch.jit.freeze(module.head)


def find_bundles(folder: Path) -> list[Path]:
    """The .pt files of a folder, by name."""
    return sorted(folder.glob("*.pt"))
