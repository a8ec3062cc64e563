"""Does a network answer in bfloat16 what it answers in float32? A card says so, film by film.

Processors made for bfloat16 run a bundle in it only where its card says that no decision changes.
"""

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from cxrapp.model.bundle import Bundle
from cxrapp.model.card import ModelCard
from cxrapp.model.card_schema import Parity
from cxrapp.model.decision import decide, default_settings
from cxrapp.model.script import has_bfloat16, time_film
from train.measure import Outputs


def compare(
    card: ModelCard,
    exact: Mapping[str, Outputs],
    rounded: Mapping[str, Outputs],
    time: float | None = None,
) -> Parity:
    """What changes from float32 to bfloat16, over all cohorts; see `Parity`.

    Args:
        exact: Cohort -> what its films get in float32.
        rounded: The same in bfloat16.
        time: A film's in bfloat16 by that in float32, where this processor has it.
    """
    pairs = [(exact[cohort], rounded[cohort]) for cohort in exact]
    moves = [np.abs(_probabilities(card, a) - _probabilities(card, b)).max() for a, b in pairs]
    gate = card.gate
    return Parity(
        films=sum(len(a.distances) for a, _ in pairs),
        probability=round(float(max(moves)), 6),
        decisions=sum(_count_changed(_decided(card, a), _decided(card, b)) for a, b in pairs),
        warnings=sum(
            _count_changed(a.distances > gate.warn, b.distances > gate.warn) for a, b in pairs
        ),
        time=time,
    )


def compare_time(exact: Bundle, rounded: Bundle) -> float | None:
    """A film's time in bfloat16 by that in float32; None on a processor without bfloat16."""
    if not has_bfloat16():
        return None
    side = exact.card.preprocessing.size
    return round(time_film(rounded.backbone, side) / time_film(exact.backbone, side), 2)


def _probabilities(card: ModelCard, outputs: Outputs) -> np.ndarray:
    """(N, K) calibrated."""
    return np.stack(
        [c.probability(outputs.logits[:, k]) for k, c in enumerate(card.calibrations)], axis=1
    )


def _decided(card: ModelCard, outputs: Outputs) -> Iterator[tuple[str, ...]]:
    """Film by film, each finding's outcome at its default; a refused film has one of its own."""
    settings = default_settings(card)
    for row, distance in zip(_probabilities(card, outputs), outputs.distances, strict=True):
        outcomes = [decision.outcome for decision in decide(card, row.tolist(), settings)]
        # Whatever its scores: no decision of such a film is shown.
        yield ("refused",) if distance > card.gate.refuse else tuple(outcomes)


def _count_changed(before: Iterable[object], after: Iterable[object]) -> int:
    return int(sum(a != b for a, b in zip(before, after, strict=True)))
