"""Films -> predictions: one pass of the backbone a film, everything later is arithmetic."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from cxrapp.bundle import Bundle
from cxrapp.radiograph import Radiograph, Rejection

BATCH = 8  # films a pass; more gains nothing on a CPU and costs memory


class Encoder(Protocol):
    """Anything with a network's two halves."""

    features: torch.nn.Module
    head: torch.nn.Module


@dataclass(frozen=True)
class Prediction:
    """What the network says about one film.

    Args:
        logits: (K,) float32, uncalibrated.
        probabilities: (K,) float64 in [0, 1], calibrated; each conditional on its `given`.
        feature_map: (C, h, w) float32, what heat maps are made from.
    """

    logits: np.ndarray
    probabilities: np.ndarray
    feature_map: np.ndarray


@dataclass(frozen=True)
class Screened:
    """A film and what the network says about it."""

    radiograph: Radiograph
    prediction: Prediction


def screen(
    bundle: Bundle, items: Iterable[Radiograph | Rejection]
) -> Iterator[Screened | Rejection]:
    """Score a stream of films in batches; order is kept and rejections pass through.

    No more than one batch of films is in memory, however long the stream.
    """
    waiting: list[Radiograph | Rejection] = []
    for item in items:
        waiting.append(item)
        if sum(isinstance(one, Radiograph) for one in waiting) == BATCH:
            yield from _screen_batch(bundle, waiting)
            waiting = []
    yield from _screen_batch(bundle, waiting)


def _screen_batch(
    bundle: Bundle, items: list[Radiograph | Rejection]
) -> Iterator[Screened | Rejection]:
    films = [item for item in items if isinstance(item, Radiograph)]
    predictions = iter(predict(bundle, films))
    for item in items:
        yield Screened(item, next(predictions)) if isinstance(item, Radiograph) else item


def predict(bundle: Bundle, radiographs: Sequence[Radiograph]) -> list[Prediction]:
    """Score films in batches."""
    to_input = bundle.card.preprocessing.to_input
    predictions = []
    for start in range(0, len(radiographs), BATCH):
        films = [to_input(radiograph.pixels) for radiograph in radiographs[start : start + BATCH]]
        feature_maps, logits = encode(bundle, np.stack(films))
        predictions += [
            Prediction(row, calibrate(bundle, row), feature_map)
            for row, feature_map in zip(logits, feature_maps, strict=True)
        ]
    return predictions


@torch.no_grad()
def encode(network: Encoder, films: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Run the network once.

    Args:
        network: A bundle, or the eager network it was made from.
        films: (N, 1, S, S) float32 in [0, 1] from `Preprocessing.to_input`.

    Returns:
        Feature maps (N, C, h, w) float32 and logits (N, K) float32.
    """
    inputs = torch.from_numpy(films).contiguous(memory_format=torch.channels_last)
    feature_maps = network.features(inputs)
    return feature_maps.numpy(), network.head(feature_maps).numpy()


def calibrate(bundle: Bundle, logits: np.ndarray) -> np.ndarray:
    """(K,) logits -> (K,) calibrated probabilities."""
    pairs = zip(bundle.card.calibrations, logits, strict=True)
    return np.array([calibration.probability(logit) for calibration, logit in pairs])
