"""How far a film lies from the training films: the measure behind `cxrapp.model.gate`."""

from pathlib import Path

import numpy as np
import torch
from torch import nn

from cxrapp.model.card import Gate
from train.files import load_checkpoint, save_atomically
from train.recipe import Recipe

COMPONENTS = 256  # with a variance of their own; the model report says what else was tried
WARN_SHARE = 0.05  # of the validation films, which are all of the right kind
# Of the warning distance. No validation film lies beyond it; photographs, documents, slices,
# films turned to a side and negatives do, nearly all.
REFUSE_RATIO = 1.5


class PopulationDistance(nn.Module):
    """Mahalanobis distance under probabilistic PCA (Tipping and Bishop, 1999).

    A full covariance of D = 2816 averages needs more films than there are; here the first
    components have their own variance and the rest share one.
    """

    def __init__(self, dimensions: int, components: int) -> None:
        super().__init__()
        # Buffers: scripted and stored with the network, and nothing learns them.
        self.register_buffer("mean", torch.zeros(dimensions))
        self.register_buffer("deviation", torch.ones(dimensions))
        self.register_buffer("directions", torch.zeros(components, dimensions))
        self.register_buffer("variances", torch.ones(components))
        self.register_buffer("rest", torch.ones(()))

    def forward(self, averages: torch.Tensor) -> torch.Tensor:
        """(N, D) averages of the backbone -> (N,) distances."""
        # Channels differ in scale: the loudest alone would be the distance.
        standard = (averages - self.mean) / self.deviation
        along = standard @ self.directions.T
        # What no direction explains; below 0 it can be by rounding only.
        residual = (standard.square().sum(1) - along.square().sum(1)).clamp(min=0)
        return ((along.square() / self.variances).sum(1) + residual / self.rest).sqrt()


def fit_distance(averages: np.ndarray) -> PopulationDistance:
    """Learn what training films look like.

    Args:
        averages: (N, D) float32 of the training films; N >= 2.
    """
    mean = averages.mean(0, dtype=np.float64)
    deviation = np.maximum(averages.std(0, dtype=np.float64), 1e-3)  # float16 must hold it
    standard = (averages - mean) / deviation
    # Half of what the films span at most, so that there is a rest to measure.
    count = min(COMPONENTS, min(averages.shape) // 2)
    _, singular, directions = np.linalg.svd(standard, full_matrices=False)
    variances = singular**2 / len(averages)
    # Spread evenly over the directions that are left, as the model has it.
    rest = variances[count:].sum() / (averages.shape[1] - count)
    distance = PopulationDistance(averages.shape[1], count)
    learned = {
        "mean": mean,
        "deviation": deviation,
        "directions": directions[:count],
        "variances": variances[:count],
        # Never 0: films that the components explain in full would put all others infinitely far.
        "rest": np.array(max(rest, 1e-3)),
    }
    distance.load_state_dict({k: torch.tensor(v, dtype=torch.float32) for k, v in learned.items()})
    return distance.eval()


def set_limits(recipe: Recipe, distances: np.ndarray) -> Gate:
    """The card's gate, its limits from the distances (N,) of the validation films."""
    # On films that nothing has learned from: training films lie nearer, and by them the gate would
    # warn of the next child.
    warn = float(np.quantile(distances, 1 - WARN_SHARE))
    return Gate(recipe.ages, recipe.views, warn, REFUSE_RATIO * warn)


def save_distance(path: Path, distance: PopulationDistance, stamp: dict[str, str]) -> None:
    """Keep a fitted distance beside the run it was fitted on."""
    save_atomically(path, stamp | {"distance": distance.state_dict()})


def load_distance(path: Path, stamp: dict[str, str]) -> PopulationDistance | None:
    """A kept distance, unless it is missing or of other weights."""
    if not path.exists():
        return None
    saved = load_checkpoint(path)
    # After another epoch the backbone sees films otherwise: an older distance is one in another
    # space.
    if any(saved.get(key) != value for key, value in stamp.items()):
        return None
    state = saved["distance"]
    distance = PopulationDistance(len(state["mean"]), len(state["variances"]))
    distance.load_state_dict(state)
    return distance.eval()
