"""Feature maps: what the channels of a layer see in a film, and what they do to a logit.

Inner layers are within reach of a DenseNet's bundle loaded with `frozen=False`, the last feature
map of every bundle.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from cxrapp.model.bundle import Bundle

LAST = "last feature map"
Step = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Channels:
    """Some channels of one layer for one finding, those that matter most first.

    Args:
        numbers: (n,) int, which of the layer's channels.
        maps: (n, h, w) float32, what each puts out; in the last layer >= 0.
        contributions: (n,) float32, in logits: what each adds, for or against. Exact in the last
            layer, where all of them and the head's bias sum to the logit; to first order before.
    """

    numbers: np.ndarray
    maps: np.ndarray
    contributions: np.ndarray


def layer_names(bundle: Bundle) -> tuple[str, ...]:
    """The layers `layer_channels` can show, the first first."""
    return tuple(_stages(bundle.backbone))


def layer_channels(
    bundle: Bundle, film: np.ndarray, layer: str, finding: int, count: int
) -> Channels:
    """The channels of a layer that do most to a logit, by one run.

    Contributions are gradient times activation, summed over the film: the first term of the
    logit's Taylor series (Molchanov et al., "Pruning convolutional neural networks", ICLR 2017).
    In the last layer, where the head is linear in pooled channels, it is the only term.

    Args:
        film: (1, S, S) float32 in [0, 1] from `Preprocessing.to_input`.
        layer: One of `layer_names`.
        finding: Its column.
        count: How many channels, n.

    Raises:
        ValueError: The bundle has no such layer within reach.
    """
    names, stages = layer_names(bundle), list(_stages(bundle.backbone).values())
    if layer not in names:
        raise ValueError(f"No layer {layer!r} within reach: there are {', '.join(names)}.")
    depth = 1 + names.index(layer)
    with torch.no_grad():
        maps = _run(stages[:depth], torch.from_numpy(film)[None])
    last = _run(stages[depth:], maps.requires_grad_())
    (slope,) = torch.autograd.grad(bundle.head(last)[0, finding], maps)
    contributions = (slope * maps).detach().sum((0, 2, 3)).numpy()
    numbers = np.argsort(-np.abs(contributions), kind="stable")[:count]
    return Channels(numbers, maps.detach()[0].numpy()[numbers], contributions[numbers])


def _stages(net: nn.Module) -> dict[str, tuple[Step, ...]]:
    """Layer -> what leads to it from the one before; the last alone where no other is known."""
    if not hasattr(net, "block4"):
        return {LAST: (lambda films: net(films)[0],)}
    return {
        "first convolution": (net.to_rgb, net.stem),
        "dense block 1": (net.block1,),
        "dense block 2": (net.transition1, net.block2),
        "dense block 3": (net.transition2, net.block3),
        LAST: (net.transition3, net.block4, net.norm, net.relu),
    }


def _run(stages: list[tuple[Step, ...]], maps: torch.Tensor) -> torch.Tensor:
    for stage in stages:
        for step in stage:
            maps = step(maps)
    return maps
