"""Probabilities and thresholds -> decisions, along the chain of questions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from cxrapp.model.card import ModelCard

Outcome = Literal["positive", "undecided", "negative", "not asked"]  # by a threshold
Call = Literal["positive", "negative", "unsure"]  # by a reader


@dataclass(frozen=True)
class Decision:
    """One finding of one film at one threshold."""

    finding: str
    probability: float
    threshold: float
    outcome: Outcome


def decide(
    card: ModelCard,
    probabilities: Sequence[float],
    thresholds: Mapping[str, float],
    abstain_from: Mapping[str, float] | None = None,
) -> tuple[Decision, ...]:
    """Apply the thresholds; a finding whose `given` is not positive is not asked.

    Args:
        probabilities: (K,) calibrated.
        thresholds: Finding -> threshold.
        abstain_from: Finding -> where its abstain band begins; from there up to the threshold a
            film is left undecided. Findings not named have no band.
    """
    outcomes: dict[str, Outcome] = {}
    decisions = []
    for finding, probability in zip(card.findings, probabilities, strict=True):
        threshold = thresholds[finding.name]
        if finding.given and outcomes[finding.given] != "positive":
            outcomes[finding.name] = "not asked"
        else:
            outcomes[finding.name] = _outcome(
                probability, threshold, (abstain_from or {}).get(finding.name, threshold)
            )
        outcome = outcomes[finding.name]
        decisions.append(Decision(finding.name, float(probability), threshold, outcome))
    return tuple(decisions)


def _outcome(probability: float, threshold: float, abstain_from: float) -> Outcome:
    if probability >= threshold:
        return "positive"
    return "undecided" if probability >= abstain_from else "negative"
