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
    # The largest of all: a mean would hide the one film whose decision changes.
    moves = [np.abs(_probabilities(card, a) - _probabilities(card, b)).max() for a, b in pairs]
    gate = card.gate
    return Parity(
        films=sum(len(a.distances) for a, _ in pairs),
        # NumPy keeps NaN, which Python would drop: such a network must not pass.
        probability=round(float(np.max(moves)), 6),
        # By film: where two of its findings change, that is one.
        decisions=sum(_count_changed(_decided(card, a), _decided(card, b)) for a, b in pairs),
        # Apart from the decisions: with a warning or without, a film shows the same result.
        warnings=sum(
            _count_changed(a.distances > gate.warn, b.distances > gate.warn) for a, b in pairs
        ),
        time=time,
    )


def compare_time(exact: Bundle, rounded: Bundle) -> float | None:
    """A film's time in bfloat16 by that in float32; None on a processor without bfloat16."""
    # Elsewhere it is imitated, and slower: no processor that runs it would have that ratio.
    if not has_bfloat16():
        return None
    # Of the backbones alone, which take nearly all of the time; below 1 bfloat16 is faster.
    side = exact.card.preprocessing.size
    return round(time_film(rounded.backbone, side) / time_film(exact.backbone, side), 2)


def _probabilities(card: ModelCard, outputs: Outputs) -> np.ndarray:
    """(N, K) calibrated."""
    # Calibrated, as thresholds are: how far logits move says little.
    return np.stack(
        [c.probability(outputs.logits[:, k]) for k, c in enumerate(card.calibrations)], axis=1
    )


def _decided(card: ModelCard, outputs: Outputs) -> Iterator[tuple[str, ...]]:
    """Film by film, each finding's outcome at its default; a refused film has one of its own."""
    # What is shown to a reader who has not moved a threshold.
    settings = default_settings(card)
    for row, distance in zip(_probabilities(card, outputs), outputs.distances, strict=True):
        outcomes = [decision.outcome for decision in decide(card, row.tolist(), settings)]
        # Whatever its scores: no decision of such a film is shown.
        yield ("refused",) if distance > card.gate.refuse else tuple(outcomes)


def _count_changed(before: Iterable[object], after: Iterable[object]) -> int:
    # Both list the same films in the same order; a film more in one is a fault.
    return int(sum(a != b for a, b in zip(before, after, strict=True)))
