"""Does a heat map depend on what the network has learned? Adebayo et al., NeurIPS 2018.

A map that stays the same when the weights are thrown away draws the film, not the network.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from cxrapp.explain.agreement import rank_correlation
from cxrapp.explain.cams import evidence
from cxrapp.explain.hide import Progress, ignore
from cxrapp.model.bundle import Bundle, load_bundle
from cxrapp.model.predict import encode

DRAWS = 10  # one draw may agree by chance: neighbouring cells are alike


@dataclass(frozen=True)
class Randomised:
    """Maps of a network with random weights beside those of the true one.

    All maps are Grad-CAM before what speaks against the finding is cut off, so that none is empty.

    Args:
        changed: What is random: `the head` or `every weight`.
        truth: (K, h, w) float32, in logits, with the true weights.
        maps: (draws, K, h, w) float32, in logits, with random weights.
        agreements: (draws, K) float64: rank correlation of each with the truth. Around 0 is
            passed; all near 1 would be failed.
    """

    changed: str
    truth: np.ndarray
    maps: np.ndarray
    agreements: np.ndarray


def randomise_weights(
    path: Path, film: np.ndarray, seed: int = 0, draws: int = DRAWS, progress: Progress = ignore
) -> tuple[Randomised, Randomised]:
    """Explain a film again with a random head, and with every weight random.

    Works on its own copy of the network, so that no other bundle in memory changes.

    Args:
        path: The bundle's .pt.
        film: (1, S, S) float32 in [0, 1] from `Preprocessing.to_input`.
        seed: The same seed gives the same maps.
        draws: Of random weights; with every weight random each costs one run of the network.
        progress: Told the share done after every draw; raise from it to stop.

    Returns:
        With a random head, and with every weight random.

    Raises:
        InvalidBundle: As `load_bundle`.
    """
    bundle = load_bundle(path, frozen=False)
    generator = torch.Generator().manual_seed(seed)
    feature_map = _feature_map(bundle, film)
    truth = evidence(bundle, feature_map)
    heads = []
    for _ in range(draws):
        _draw(bundle.head, generator)
        heads.append(evidence(bundle, feature_map))
    networks = []
    for number in range(draws):
        _draw(bundle.backbone, generator)
        _draw(bundle.head, generator)
        networks.append(evidence(bundle, _feature_map(bundle, film)))
        progress((number + 1) / draws)
    return _compare("the head", truth, heads), _compare("every weight", truth, networks)


def _feature_map(bundle: Bundle, film: np.ndarray) -> np.ndarray:
    return encode(bundle, film[None]).feature_maps[0]


def _compare(changed: str, truth: np.ndarray, maps: list[np.ndarray]) -> Randomised:
    agreements = np.stack([rank_correlation(truth, drawn) for drawn in maps])
    return Randomised(changed, truth, np.stack(maps), agreements)


@torch.no_grad()
def _draw(part: nn.Module, generator: torch.Generator) -> None:
    """Fill a part of a network with weights as before any training (He et al., ICCV 2015).

    Batch normalisation starts anew as well: its stored statistics fit the learned weights alone.
    """
    for name, weight in part.named_parameters():
        if weight.dim() > 1:
            deviation = (2 / weight[0].numel()) ** 0.5
            weight.copy_(deviation * torch.randn(weight.shape, generator=generator))
        else:
            weight.fill_(float(name.endswith("weight")))  # scales 1, biases 0
    for name, buffer in part.named_buffers():
        if name.endswith(("running_mean", "running_var")):
            buffer.fill_(float(name.endswith("var")))
