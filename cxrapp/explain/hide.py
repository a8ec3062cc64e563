"""Hide parts of a film and ask the network again: what occlusion and LIME have in common."""

from collections.abc import Callable

import numpy as np

from cxrapp.model.bundle import Encoder
from cxrapp.model.predict import BATCH, encode

# Called with the share done, in (0, 1]. To stop the work, raise from it: nothing is kept.
Progress = Callable[[float], None]


def ignore(share: float) -> None:
    """The `Progress` of nobody who waits."""


def score_hidden(
    network: Encoder,
    film: np.ndarray,
    hidden: np.ndarray,
    filling: np.ndarray,
    progress: Progress = ignore,
) -> np.ndarray:
    """Score a film with parts of it replaced.

    Args:
        network: A bundle, or the eager network it was made from.
        film: (1, S, S) float32 in [0, 1] from `Preprocessing.to_input`.
        hidden: (M, S, S) bool: what each of the M copies does not show.
        filling: float32, () or (S, S): what is shown there instead.
        progress: Told after every batch.

    Returns:
        (M, K) float32 logits.
    """
    logits = []
    for start in range(0, len(hidden), BATCH):
        masks = hidden[start : start + BATCH, None]
        logits.append(encode(network, np.where(masks, filling, film)).logits)
        progress(min(start + BATCH, len(hidden)) / len(hidden))
    return np.concatenate(logits)
