"""Two bundles on the same films: which decisions change, film by film."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cxrapp.model.card import ModelCard
from cxrapp.model.decision import Decisions, Settings, decide


@dataclass(frozen=True)
class Side:
    """What one bundle says about N films, and how it is set.

    Args:
        card: Of the bundle.
        probabilities: (N, K) float64, calibrated.
    """

    card: ModelCard
    probabilities: np.ndarray
    settings: Settings


@dataclass(frozen=True)
class FindingComparison:
    """One finding on the same films by two bundles.

    Args:
        films: Names, in the order given.
        before, after: One decision a film, with probability and threshold, of A and of B.
    """

    finding: str
    films: tuple[str, ...]
    before: Decisions
    after: Decisions

    @property
    def changed(self) -> tuple[bool, ...]:
        """Whether the outcome differs, film by film; to or from `undecided` and `not asked`
        counts."""
        pairs = zip(self.before, self.after, strict=True)
        return tuple(before.outcome != after.outcome for before, after in pairs)


@dataclass(frozen=True)
class Comparison:
    """What two bundles say about the same films.

    Args:
        findings: Those both have, in A's order.
        only_a, only_b: Findings the other bundle lacks.
        notes: Sentences on shared findings that are not the same question in both.
    """

    findings: tuple[FindingComparison, ...]
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    notes: tuple[str, ...]


def compare_films(a: Side, b: Side, films: Sequence[str]) -> Comparison:
    """Decide all films by both bundles.

    Args:
        a: The bundle in use.
        b: The one that may replace it.
        films: N names, in the order of both sides' probabilities.

    Raises:
        ValueError: The sides do not hold one row a film.
    """
    names_a, names_b = ([finding.name for finding in side.card.findings] for side in (a, b))
    before, after = (_decide_all(side, len(films)) for side in (a, b))
    shared = [name for name in names_a if name in names_b]
    return Comparison(
        tuple(FindingComparison(name, tuple(films), before[name], after[name]) for name in shared),
        tuple(name for name in names_a if name not in names_b),
        tuple(name for name in names_b if name not in names_a),
        tuple(note for name in shared if (note := _compare_questions(a.card, b.card, name))),
    )


def _decide_all(side: Side, films: int) -> dict[str, Decisions]:
    """Finding -> one decision a film."""
    if side.probabilities.shape != (films, len(side.card.findings)):
        raise ValueError(f"{side.card.name}: probabilities must be (films, findings)")
    decisions = [decide(side.card, row, side.settings) for row in side.probabilities]
    return {
        finding.name: tuple(film[k] for film in decisions)
        for k, finding in enumerate(side.card.findings)
    }


def _compare_questions(card_a: ModelCard, card_b: ModelCard, name: str) -> str:
    a, b = (card.findings[card.index(name)] for card in (card_a, card_b))
    if a == b:
        return ""
    asked = [
        f"{card.name} asks for {finding.positive} against {finding.negative}"
        + (f" given {finding.given}" if finding.given else "")
        for card, finding in ((card_a, a), (card_b, b))
    ]
    return f"{name} is not the same question in both: {asked[0]}; {asked[1]}."
