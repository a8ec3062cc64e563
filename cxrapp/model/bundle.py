"""The model file and its card: what the app loads.

A bundle is two files: NAME.pt, TorchScript with the attributes `features`, `head`, `distance` and,
where it runs in eight bits, `quantised`; and NAME.json, its model card with the SHA-256 of the .pt.
Loading TorchScript runs its author's program, so a file is opened only after its digest matches the
card beside it, and the very bytes that matched are what is loaded.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

import torch

from cxrapp.model.card import ModelCard
from cxrapp.model.card_file import load_card
from cxrapp.model.lung_finder import FILE, LungFinder, load_lungs
from cxrapp.model.script import Frozen, freeze, has_bfloat16, load_script, open_model

WEIGHTS = Path(os.environ.get("CXR_WEIGHTS", Path(__file__).parents[2] / "weights"))
DEFAULT = "pneumonia"  # the bundle to start with, where it is there
MAX_BYTES = 512 * 2**20  # of a model file, as it lies there and unpacked


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
        lungs: Finds the lungs and tells what is no frontal chest film; None where the bundle's
            folder has no lungs.pt.
    """

    backbone: torch.nn.Module
    head: torch.nn.Module
    distance: torch.nn.Module
    card: ModelCard
    lungs: LungFinder | None = None


def load_bundle(path: Path, *, frozen: bool = True, bfloat16: bool | None = None) -> Bundle:
    """Load a bundle for inference: digest and card verified, no gradients.

    Args:
        path: The bundle's .pt.
        frozen: False keeps the layers and weights within reach, for a look inside; slower.
        bfloat16: What a frozen network in floats computes in. None is by processor and card alone,
            never by a clock, so that the same bundle on the same machine gives the same numbers.

    Raises:
        InvalidBundle: The file or its card is missing, damaged, altered, too large, of another
            format or a link to elsewhere, or the network does not answer the card's questions; or
            there is a lungs.pt beside it that cannot be used.
    """
    card = load_card(path)
    lungs = load_lungs(path.with_name(FILE))
    if bfloat16 is None:
        bfloat16 = card.allows_bfloat16 and has_bfloat16()
    with open_model(path, card.sha256, MAX_BYTES) as file:
        bundle = Bundle(*load_parts(file, frozen=frozen, bfloat16=bfloat16), card, lungs)
        _check_answer(bundle)
    return bundle


@torch.no_grad()
def _check_answer(bundle: Bundle) -> None:
    """Raises ValueError unless the network answers the questions of its card on a black film."""
    side = bundle.card.preprocessing.size
    feature_map, averages = bundle.backbone(torch.zeros(1, 1, side, side))
    logits, distance = bundle.head(feature_map), bundle.distance(averages)
    if logits.shape != (1, len(bundle.card.findings)) or distance.shape != (1,):
        raise ValueError("it does not answer the questions of its card")
    if not (logits.isfinite().all() and distance.isfinite().all()):
        raise ValueError("its answers are not numbers")


def load_parts(
    file: Path | BinaryIO, *, frozen: bool = True, bfloat16: bool = False
) -> tuple[torch.nn.Module, torch.nn.Module, torch.nn.Module]:
    """Open TorchScript as (backbone, head, distance) for inference.

    Folding batch normalisation (freezing) and channels last take a third off a film's time, but
    what is frozen has no layers and no weights to ask for any more. Where the file has the backbone
    in eight bits as well, frozen is that one, and the other is as it was trained, in float32.
    `bfloat16` is for a frozen backbone in floats; see `Frozen`.
    Only for files whose origin is known: see `load_bundle`.
    """
    module = load_script(file)
    if not frozen:
        return module.features.backbone, module.head, module.distance
    if hasattr(module, "quantised"):
        backbone = Frozen(freeze(module.quantised), optimised=True)
    else:
        backbone = Frozen(freeze(module.features.backbone), bfloat16=bfloat16)
    return backbone, freeze(module.head), freeze(module.distance)


def find_bundles(folder: Path) -> list[Path]:
    """The bundles' .pt files of a folder, the default first, then by name."""
    found = (path for path in folder.glob("*.pt") if path.name != FILE)
    return sorted(found, key=lambda path: (path.stem != DEFAULT, path.stem))
