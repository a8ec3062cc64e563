"""A probability where a finding is more or less common than where it was calibrated."""

from collections.abc import Mapping, Sequence

from cxrapp.model.card import ModelCard


def calibrated_to(card: ModelCard, finding: str) -> float:
    """The share of films with the finding that its probabilities are true for.

    Their mean on the validation films they were fitted on; where the fit allowed for wrong labels
    that is the share who have it, not the share who are labelled so.
    """
    return float(card.scores("validation", finding).probabilities.mean())


def on_ward(
    card: ModelCard, probabilities: Sequence[float], prevalences: Mapping[str, float]
) -> tuple[float, ...]:
    """(K,) probabilities for a reader's own patients; as calibrated where they did not say.

    Args:
        probabilities: (K,) calibrated, in the order of the card's findings.
        prevalences: Finding -> share of the reader's patients, in (0, 1), who have it; for a
            finding that is `given` another, of those who have that.
    """
    return tuple(
        adjust_prevalence(probability, calibrated_to(card, f.name), prevalences[f.name])
        if f.name in prevalences
        else probability
        for f, probability in zip(card.findings, probabilities, strict=True)
    )


def adjust_prevalence(probability: float, measured: float, used: float) -> float:
    """A probability where the finding is more or less common (Saerens et al., 2002).

    Holds where ill and well look as they did where it was calibrated, only their share differs.

    Args:
        probability: Calibrated where a share `measured` has the finding.
        measured, used: Shares in (0, 1).
    """
    odds = used / (1 - used) * (1 - measured) / measured
    return odds * probability / (odds * probability + 1 - probability)
