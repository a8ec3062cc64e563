"""Occlusion: how far the score falls when a square of the film is hidden."""

import numpy as np

from cxrapp.explain.hide import Progress, ignore, score_hidden
from cxrapp.model.bundle import Encoder

COARSE, FINE = 7, 14  # squares a side


def occlusion_maps(
    network: Encoder, film: np.ndarray, grid: int = COARSE, progress: Progress = ignore
) -> np.ndarray:
    """Drop in each logit when a square of the network input is hidden.

    Zeiler and Fergus, "Visualizing and understanding convolutional networks", ECCV 2014. Squares
    are filled with the film's mean brightness and do not overlap; the network runs once for each
    and once for the whole film.

    Args:
        network: A bundle, or the eager network it was made from.
        film: (1, S, S) float32 in [0, 1] from `Preprocessing.to_input`.
        grid: Squares a side, g.
        progress: Told the share done after every batch; raise from it to stop.

    Returns:
        (K, g, g) float32, in logits; above 0 where the square had raised the logit.
    """
    side = film.shape[-1]
    edges = np.linspace(0, side, grid + 1).round().astype(int)
    hidden = np.zeros((1 + grid * grid, side, side), bool)  # the first hides nothing
    for number, (row, column) in enumerate(np.ndindex(grid, grid), start=1):
        hidden[number, edges[row] : edges[row + 1], edges[column] : edges[column + 1]] = True
    grey = film.mean(dtype=np.float64).astype(np.float32)
    logits = score_hidden(network, film, hidden, grey, progress)
    return (logits[0] - logits[1:]).T.reshape(-1, grid, grid)
