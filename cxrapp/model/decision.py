"""Probabilities and thresholds -> decisions, along the chain of questions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from cxrapp.model.card import ModelCard

Outcome = Literal["positive", "undecided", "negative", "not asked"]  # by a threshold
Call = Literal["positive", "negative", "unsure"]  # by a reader


@dataclass(frozen=True)
class Setting:
    """How one finding is decided.

    Args:
        threshold: On the calibrated probability; from there on a film is positive.
        abstain_from: Where the abstain band starts; from there up to the threshold a film is left
            undecided. None is no band.
    """

    threshold: float
    abstain_from: float | None = None

    def decide(self, probability: float) -> Outcome:
        """What a probability is by this setting."""
        if probability >= self.threshold:
            return "positive"
        banded = self.abstain_from is not None and probability >= self.abstain_from
        return "undecided" if banded else "negative"


Settings = Mapping[str, Setting]  # by finding


@dataclass(frozen=True)
class Decision:
    """One finding of one film at one threshold."""

    finding: str
    probability: float
    threshold: float
    outcome: Outcome


Decisions = tuple[Decision, ...]  # one a finding of the card


def default_settings(card: ModelCard) -> dict[str, Setting]:
    """The card's first operating point of every finding."""
    return {name: Setting(at) for name, at in card.default_thresholds().items()}


def decide(card: ModelCard, probabilities: Sequence[float], settings: Settings) -> Decisions:
    """Decide every finding; one whose `given` is not positive is not asked.

    Args:
        probabilities: (K,) calibrated.
    """
    decisions: dict[str, Decision] = {}
    for finding, probability in zip(card.findings, probabilities, strict=True):
        setting = settings[finding.name]
        asked = finding.given is None or decisions[finding.given].outcome == "positive"
        outcome = setting.decide(probability) if asked else "not asked"
        decisions[finding.name] = Decision(
            finding.name, float(probability), setting.threshold, outcome
        )
    return tuple(decisions.values())
