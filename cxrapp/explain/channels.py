"""Feature maps: what the channels of a layer see in a film, and what they do to a logit.

Inner layers are within reach of a bundle loaded with `frozen=False`, of a DenseNet; the last
feature map is within reach of all.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from cxrapp.model.bundle import Bundle, Encoder

LAST = "last feature map"


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


def channel_contributions(network: Encoder, feature_map: np.ndarray) -> np.ndarray:
    """What each channel of the last layer adds to each logit: weight times mean activation.

    Args:
        network: A bundle, or the eager network it was made from.
        feature_map: (C, h, w) float32 of one film.

    Returns:
        (K, C) float32, in logits.
    """
    single = torch.from_numpy(feature_map)
    count = network.head(single[None]).shape[1]
    # One copy of the map a finding: all K gradients come from one backward pass.
    maps = single.expand(count, -1, -1, -1).clone().requires_grad_()
    (slopes,) = torch.autograd.grad(network.head(maps).diagonal().sum(), maps)
    return (slopes * maps).detach().sum((2, 3)).numpy()


def last_channels(
    network: Encoder, feature_map: np.ndarray, finding: int, count: int = 12
) -> Channels:
    """The channels of the last layer that do most to a logit, without running the backbone.

    Args:
        network: A bundle, or the eager network it was made from.
        feature_map: (C, h, w) float32 of one film.
        finding: Its column.
        count: How many channels, n.
    """
    return _strongest(feature_map, channel_contributions(network, feature_map)[finding], count)


def layer_names(bundle: Bundle) -> tuple[str, ...]:
    """The layers `layer_channels` can show, the first first."""
    dense = hasattr(bundle.backbone, "block4")
    return tuple(_stages(bundle.backbone)) if dense else (LAST,)


def layer_channels(
    bundle: Bundle, film: np.ndarray, layer: str, finding: int, count: int = 12
) -> Channels:
    """The channels of a DenseNet's layer that do most to a logit, by one run.

    Contributions are gradient times activation, summed over the film: the first term of the
    logit's Taylor series (Molchanov et al., "Pruning convolutional neural networks", ICLR 2017).

    Args:
        bundle: Loaded with `frozen=False`.
        film: (1, S, S) float32 in [0, 1] from `Preprocessing.to_input`.
        layer: One of `layer_names`.
        finding: Its column.
        count: How many channels, n.

    Raises:
        ValueError: The bundle has no such layer within reach.
    """
    names = layer_names(bundle)
    if layer not in names or not hasattr(bundle.backbone, "block4"):
        raise ValueError(f"No layer {layer!r} within reach: there are {', '.join(names)}.")
    stages = list(_stages(bundle.backbone).values())
    depth = 1 + names.index(layer)
    with torch.no_grad():
        maps = _run(stages[:depth], torch.from_numpy(film)[None])
    last = _run(stages[depth:], maps.requires_grad_())
    logit = bundle.head(last)[0, finding]
    (slope,) = torch.autograd.grad(logit, maps)
    contributions = (slope * maps).detach().sum((0, 2, 3)).numpy()
    return _strongest(maps.detach()[0].numpy(), contributions, count)


def _stages(densenet: nn.Module) -> dict[str, tuple[nn.Module, ...]]:
    """Layer -> what leads to it from the one before."""
    net = densenet
    return {
        "first convolution": (net.to_rgb, net.stem),
        "dense block 1": (net.block1,),
        "dense block 2": (net.transition1, net.block2),
        "dense block 3": (net.transition2, net.block3),
        LAST: (net.transition3, net.block4, net.norm, net.relu),
    }


def _run(
    stages: list[tuple[Callable[[torch.Tensor], torch.Tensor], ...]], maps: torch.Tensor
) -> torch.Tensor:
    for stage in stages:
        for module in stage:
            maps = module(maps)
    return maps


def _strongest(maps: np.ndarray, contributions: np.ndarray, count: int) -> Channels:
    numbers = np.argsort(-np.abs(contributions), kind="stable")[:count]
    return Channels(numbers, maps[numbers], contributions[numbers])
