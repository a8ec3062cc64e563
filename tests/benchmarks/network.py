"""One film through the network and its maps, against the same network run eagerly."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import numpy as np
import torch
from torch import nn

from cxrapp.films.decode import read_upload
from cxrapp.films.radiograph import Radiograph
from cxrapp.model.bundle import DEFAULT, WEIGHTS, Bundle, load_bundle
from cxrapp.model.predict import BATCH, screen
from cxrapp.report.case import grad_cam_maps
from tests.benchmarks.pairs import Comparison, time_in_turn
from tests.places import SAMPLE_FOLDER
from train.model import Exported, build_network, with_averages

FLOP = 5.67e9  # of one film of 224 pixels (torch.utils.flop_counter)
SIDE = 1536  # of the matrices that tell what the machine can do


@cache
def shipped(name: str) -> Bundle:
    """A bundle as the app loads it."""
    return load_bundle(WEIGHTS / f"{name}.pt")


@cache
def film() -> Radiograph:
    """A real one, as small as the network's input: the others are given it ready made."""
    path = sorted(SAMPLE_FOLDER.glob("*.jpeg"))[0]
    (one,) = read_upload(path.name, path.read_bytes())
    to_input = shipped(DEFAULT).card.preprocessing.to_input
    return replace(one, pixels=to_input(one.pixels)[0])


@cache
def eager() -> nn.Module:
    """The network that was exported, before that; its weights are random, its work is the same."""
    network = build_network(len(shipped(DEFAULT).card.findings), 0.0)
    parts = with_averages(network), network.head, nn.Identity()
    return Exported(*parts).eval()


def film_against_forward(rounds: int, name: str) -> Iterator[Comparison]:
    """Probabilities, lungs and maps of all findings, against one eager forward."""
    inputs = _inputs(1)
    yield Comparison(
        f"one film: probabilities, lungs and Grad-CAM of all findings, {name}",
        "one eager forward of the same network",
        time_in_turn(lambda: _explain(name), lambda: _forward(inputs), rounds),
        0.35 if name == DEFAULT else 0.30,
    )


def film_against_grad_cam(rounds: int, name: str) -> Iterator[Comparison]:
    """The same, against pytorch-grad-cam on the eager network, once a finding."""
    from pytorch_grad_cam import GradCAM
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    inputs, network = _inputs(1), eager()
    findings = range(len(shipped(DEFAULT).card.findings))
    with GradCAM(model=network, target_layers=[network.features]) as method:
        yield Comparison(
            f"one film: probabilities, lungs and Grad-CAM of all findings, {name}",
            "pytorch-grad-cam on the eager network, once a finding",
            # It runs the network forwards and back for each of two findings, which is six forwards
            # in all; ours needs one, and no more for a third finding.
            time_in_turn(
                lambda: _explain(name),
                lambda: [method(inputs, targets=[ClassifierOutputTarget(k)]) for k in findings],
                rounds,
            ),
            1 / 6,
        )


def network_against_matrices(rounds: int, name: str) -> Iterator[Comparison]:
    """A batch through the network, against as many operations in one product of matrices."""
    batch = _inputs(BATCH).contiguous(memory_format=torch.channels_last)
    matrix = torch.rand(SIDE, SIDE)
    products = BATCH * FLOP / (2 * SIDE**3)
    pairs = time_in_turn(
        torch.no_grad()(lambda: shipped(name).backbone(batch)), lambda: matrix @ matrix, rounds
    )
    yield Comparison(
        f"the network alone, {BATCH} films, {name}",
        "its operations at the machine's own float32 matrix rate",
        tuple((ours, products * theirs) for ours, theirs in pairs),
        1 / 0.80 if name == DEFAULT else 1.0,
    )


def _inputs(count: int) -> torch.Tensor:
    one = shipped(DEFAULT).card.preprocessing.to_input(film().pixels)
    return torch.from_numpy(np.stack([one] * count))


def _explain(name: str) -> None:
    """All that a reader sees of a film: its check, with its lungs, is part of it."""
    (screened,) = screen(shipped(name), [film()])
    grad_cam_maps(shipped(name), screened.prediction.feature_map, screened.lungs)


@torch.no_grad()
def _forward(inputs: torch.Tensor) -> torch.Tensor:
    return eager()(inputs)
