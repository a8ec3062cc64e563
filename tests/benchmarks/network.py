"""One film through the network and its maps, against the same network run eagerly."""

import os
from dataclasses import replace
from functools import cache
from unittest.mock import patch

import numpy as np
import torch
from torch import nn

from cxrapp.bundle import WEIGHTS, Bundle, load_bundle
from cxrapp.engine import TORCHSCRIPT
from cxrapp.explain import grad_cams
from cxrapp.predict import BATCH, predict
from cxrapp.radiograph import Radiograph, read_upload
from tests.benchmarks.pairs import Comparison, time_in_turn
from tests.load.films import SAMPLES
from train.model import Exported, Mirrored, build_network, with_averages

FLOP = 5.67e9  # of one film of 224 pixels (torch.utils.flop_counter); the mirror image is another
SIDE = 1536  # of the matrices that tell what the machine can do


@cache
def shipped(engine: str) -> Bundle:
    """The bundle as the app loads it."""
    with patch.dict(os.environ, CXR_ENGINE=engine):
        return load_bundle(WEIGHTS / "pneumonia.pt")


@cache
def film() -> Radiograph:
    """A real one, as small as the network's input: the others are given it ready made."""
    path = sorted(SAMPLES.glob("*.jpeg"))[0]
    (one,) = read_upload(path.name, path.read_bytes())
    to_input = shipped(TORCHSCRIPT).card.preprocessing.to_input
    return replace(one, pixels=to_input(one.pixels)[0])


@cache
def eager() -> nn.Module:
    """The network that was exported, before that; its weights are random, its work is the same."""
    network = build_network(len(shipped(TORCHSCRIPT).card.findings), 0.0)
    parts = Mirrored(with_averages(network)), network.head, nn.Identity()
    return Exported(*parts).eval()


def film_against_forward(rounds: int, engine: str) -> Comparison:
    """Probabilities and maps of all findings, against one eager forward."""
    inputs = _inputs(1)
    return Comparison(
        f"one film: probabilities and Grad-CAM of all findings, {engine}",
        "one eager forward of the same network",
        time_in_turn(lambda: _explain(engine), lambda: _forward(inputs), rounds),
        0.80 if engine == TORCHSCRIPT else 0.55,
    )


def film_against_grad_cam(rounds: int, engine: str) -> Comparison:
    """The same, against pytorch-grad-cam on the eager network, once a finding."""
    from pytorch_grad_cam import GradCAM
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    inputs, network = _inputs(1), eager()
    findings = range(len(shipped(TORCHSCRIPT).card.findings))
    with GradCAM(model=network, target_layers=[network.features]) as method:
        return Comparison(
            f"one film: probabilities and Grad-CAM of all findings, {engine}",
            "pytorch-grad-cam on the eager network, once a finding",
            time_in_turn(
                lambda: _explain(engine),
                lambda: [method(inputs, targets=[ClassifierOutputTarget(k)]) for k in findings],
                rounds,
            ),
            0.10,
        )


def network_against_matrices(rounds: int, engine: str) -> Comparison:
    """A batch through the network, against as many operations in one product of matrices."""
    batch = _inputs(BATCH).contiguous(memory_format=torch.channels_last)
    matrix = torch.rand(SIDE, SIDE)
    products = 2 * BATCH * FLOP / (2 * SIDE**3)
    pairs = time_in_turn(
        torch.no_grad()(lambda: shipped(engine).backbone(batch)), lambda: matrix @ matrix, rounds
    )
    return Comparison(
        f"the network alone, {BATCH} films, {engine}",
        "its operations at the machine's own float32 matrix rate",
        tuple((ours, products * theirs) for ours, theirs in pairs),
        1 / 0.80,
    )


def _inputs(count: int) -> torch.Tensor:
    one = shipped(TORCHSCRIPT).card.preprocessing.to_input(film().pixels)
    return torch.from_numpy(np.stack([one] * count))


def _explain(engine: str) -> None:
    (prediction,) = predict(shipped(engine), [film()])
    grad_cams(shipped(engine), prediction.feature_map)


@torch.no_grad()
def _forward(inputs: torch.Tensor) -> torch.Tensor:
    return eager()(inputs)
