"""The threshold with which one bundle can take the place of another."""

from dataclasses import dataclass, replace

import numpy as np

from cxrapp.errors import CxrError
from cxrapp.model.card import ModelCard
from cxrapp.model.scores import Scores
from cxrapp.statistics.bootstrap import Rate, drawn_rate, interval, number_patients, resamples
from cxrapp.statistics.operating_point import OperatingPoint, operating_point
from cxrapp.statistics.sample_size import too_few
from cxrapp.statistics.thresholds import round_down, strictest


@dataclass(frozen=True)
class Match:
    """B set to find as large a share of the ill as A does.

    Args:
        threshold: Of B, rounded down to three decimals; the interval is that of the matching
            threshold when the patients of both are drawn anew.
        before: What A does at its threshold.
        after: What B does at its own; the intervals take that threshold as fixed.
        specificity: B's there, its interval with the choice of the threshold.
        basis: In words, which films this rests on.
    """

    threshold: Rate
    before: OperatingPoint
    after: OperatingPoint
    specificity: Rate
    basis: str


def matching_threshold(
    card_a: ModelCard, threshold: float, card_b: ModelCard, finding: str
) -> Match:
    """Match on the cards' own validation films.

    Each sensitivity is that of the bundle on its own cohort, and cohorts may be of other films and
    other patients. Where both hold the same patients and labels in the same order they are taken
    for the same films, and resampled together.

    Args:
        card_a: Of the bundle in use.
        threshold: Of A, for this finding.
        card_b: Of the bundle that may replace it.
        finding: One that both have.

    Raises:
        CxrError: One of the two lacks the finding, or has too few patients there.
    """
    cards = card_a, card_b
    for card in cards:
        if finding not in [known.name for known in card.findings]:
            raise CxrError(f"The model {card.name} has no {finding}.")
    a, b = (card.scores("validation", finding) for card in cards)
    if _same_films(a, b):
        basis = (
            f"Both models were measured on {len(a.labels):,} validation films with the same labels "
            "and patients in the same order, which are taken for the same films."
        )
        return _match(a, threshold, b, paired=True, basis=basis)
    described = [f"{card.name}: {card.cohorts['validation'].description}" for card in cards]
    basis = (
        "Each model was measured on validation films of its own, so a difference between the "
        f"patients counts as one between the models. {described[0]}. {described[1]}."
    )
    return _match(a, threshold, b, paired=False, basis=basis)


def _same_films(a: Scores, b: Scores) -> bool:
    patients = (_first_films(scores.patients) for scores in (a, b))
    return np.array_equal(a.labels, b.labels) and np.array_equal(*patients)


def _first_films(patients: np.ndarray) -> np.ndarray:
    """(N,) int: where the patient of each film has the first; the same by any names."""
    _, first, index = np.unique(patients, return_index=True, return_inverse=True)
    return first[index]


def _match(a: Scores, threshold: float, b: Scores, *, paired: bool, basis: str) -> Match:
    for scores in (a, b):
        if reason := too_few(scores):
            raise CxrError(reason)
    before = operating_point(a, threshold)
    once = np.ones((1, len(b.labels)), int)
    exact = strictest(b, once, before.sensitivity.value)
    after = operating_point(b, round_down(float(exact[0])))
    thresholds, specificities = _draw(a, threshold, b, paired)
    value = after.threshold
    rate = drawn_rate(value, thresholds, len(b.labels))
    fixed, (low, high) = after.specificity, interval(specificities)
    chosen = replace(fixed, low=min(fixed.low, float(low)), high=max(fixed.high, float(high)))
    rate = replace(rate, low=min(rate.low, value), high=max(rate.high, value))
    return Match(rate, before, after, chosen, basis)


def _draw(a: Scores, threshold: float, b: Scores, paired: bool) -> tuple[np.ndarray, np.ndarray]:
    """(R,) thresholds of B and specificities there, patients drawn anew."""
    drawn_a, drawn_b = (resamples(len(np.unique(scores.patients))) for scores in (a, b))
    if not paired:
        # Drawn from one seed, the same row of both is not independent; the next row is.
        drawn_b = np.roll(drawn_b, 1, axis=0)
    drawn_a = drawn_a[:, number_patients(a.patients)]  # (R, N) from here on
    drawn_b = drawn_b[:, number_patients(b.patients)]
    both = _has_both(drawn_a, a.labels) & _has_both(drawn_b, b.labels)
    drawn_a, drawn_b = drawn_a[both], drawn_b[both]
    found = _share(drawn_a[:, a.labels], a.probabilities[a.labels] >= threshold)
    thresholds = strictest(b, drawn_b, found)
    well = b.probabilities[~b.labels]
    return thresholds, _share(drawn_b[:, ~b.labels], well < thresholds[:, None])


def _has_both(weights: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return (weights[:, labels].sum(1) > 0) & (weights[:, ~labels].sum(1) > 0)


def _share(weights: np.ndarray, cases: np.ndarray) -> np.ndarray:
    """(R,) how many of the drawn films (R, N) are cases, (N,) or (R, N) bool."""
    return (weights * cases).sum(1) / weights.sum(1)
