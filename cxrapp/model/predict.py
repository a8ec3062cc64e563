"""Films -> predictions: one pass of the backbone a film, everything later is arithmetic."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from cxrapp.films.radiograph import Radiograph, Rejection
from cxrapp.model.bundle import Bundle, Encoder
from cxrapp.model.gate import CORRECTIONS, Verdict, judge
from cxrapp.model.lungs import Lungs
from cxrapp.runtime.metrics import PASS_SECONDS
from cxrapp.runtime.network_queue import NETWORK, NetworkQueue

BATCH = 8  # films a pass; more gains nothing on a CPU and costs memory


@dataclass(frozen=True)
class Prediction:
    """What the network says about one film.

    Args:
        logits: (K,) float32, uncalibrated.
        probabilities: (K,) float64 in [0, 1], calibrated; each conditional on its `given`.
        feature_map: (C, h, w) float32, what heat maps are made from.
        distance: How far the film lies from the training films.
    """

    logits: np.ndarray
    probabilities: np.ndarray
    feature_map: np.ndarray
    distance: float


@dataclass(frozen=True)
class Screened:
    """A film, what the networks say about it, and whether they may; see `Bundle` for `lungs`."""

    radiograph: Radiograph
    prediction: Prediction
    verdict: Verdict
    lungs: Lungs | None = None


def screen(
    bundle: Bundle, items: Iterable[Radiograph | Rejection], queue: NetworkQueue = NETWORK
) -> Iterator[Screened | Rejection]:
    """Score a stream of films in batches; order is kept and rejections pass through.

    No more than one batch of films is in memory, however long the stream.

    Args:
        queue: Where to wait for the network; a run that shares the cores otherwise brings its own.
    """
    waiting: list[Radiograph | Rejection] = []
    for item in items:
        waiting.append(item)
        if sum(isinstance(one, Radiograph) for one in waiting) == BATCH:
            yield from _screen_batch(bundle, waiting, queue)
            waiting = []
    yield from _screen_batch(bundle, waiting, queue)


def _screen_batch(
    bundle: Bundle, items: list[Radiograph | Rejection], queue: NetworkQueue
) -> Iterator[Screened | Rejection]:
    films = [item for item in items if isinstance(item, Radiograph)]
    predictions = iter(predict(bundle, films, queue) if films else ())
    pixels = [film.pixels for film in films]
    found = iter(bundle.lungs.find(pixels, queue) if bundle.lungs and films else ())
    for item in items:
        if isinstance(item, Rejection):
            yield item
            continue
        prediction, lungs = next(predictions), next(found, None)  # None: the bundle has no lungs.pt
        corrected = _corrected_distances(bundle, item, prediction.distance, queue)
        verdict = judge(bundle.card, item, prediction.distance, corrected, lungs)
        yield Screened(item, prediction, verdict, lungs)


def _corrected_distances(
    bundle: Bundle, film: Radiograph, distance: float, queue: NetworkQueue
) -> dict[str, float]:
    """How far a film too far away would lie once corrected; nothing for the films nearer by."""
    if distance <= bundle.card.gate.warn:
        return {}
    to_input = bundle.card.preprocessing.to_input
    inputs = np.stack([to_input(correct(film.pixels)) for correct in CORRECTIONS.values()])
    distances = measure_distances(bundle.distance, encode(bundle, inputs, queue).averages)
    return dict(zip(CORRECTIONS, distances.tolist(), strict=True))


def predict(
    bundle: Bundle, films: Sequence[Radiograph], queue: NetworkQueue = NETWORK
) -> list[Prediction]:
    """Score films in one pass of the network, at least one and no more than memory holds."""
    to_input = bundle.card.preprocessing.to_input
    encoded = encode(bundle, np.stack([to_input(film.pixels) for film in films]), queue)
    distances = measure_distances(bundle.distance, encoded.averages)
    return [
        Prediction(logits, calibrate(bundle, logits), feature_map, float(distance))
        for logits, feature_map, distance in zip(
            encoded.logits, encoded.feature_maps, distances, strict=True
        )
    ]


@dataclass(frozen=True)
class Encoded:
    """One pass of the network.

    Args:
        feature_maps: (N, C, h, w) float32.
        averages: (N, D) float32, of every dense block.
        logits: (N, K) float32.
    """

    feature_maps: np.ndarray
    averages: np.ndarray
    logits: np.ndarray


@torch.no_grad()
def encode(network: Encoder, films: np.ndarray, queue: NetworkQueue = NETWORK) -> Encoded:
    """Run the network once, when it is free.

    Args:
        network: A bundle, or the eager network it was made from.
        films: (N, 1, S, S) float32 in [0, 1] from `Preprocessing.to_input`.
        queue: Where to wait for it.
    """
    inputs = torch.from_numpy(films).contiguous(memory_format=torch.channels_last)
    with queue.turn(), PASS_SECONDS.time():
        feature_maps, averages = network.backbone(inputs)
    return Encoded(feature_maps.numpy(), averages.numpy(), network.head(feature_maps).numpy())


@torch.no_grad()
def measure_distances(distance: torch.nn.Module, averages: np.ndarray) -> np.ndarray:
    """(N, D) averages of the backbone -> (N,) float32 distances from the training films."""
    return distance(torch.from_numpy(averages)).numpy()


def calibrate(bundle: Bundle, logits: np.ndarray) -> np.ndarray:
    """(K,) logits -> (K,) calibrated probabilities."""
    pairs = zip(bundle.card.calibrations, logits, strict=True)
    return np.array([calibration.probability(logit) for calibration, logit in pairs])
