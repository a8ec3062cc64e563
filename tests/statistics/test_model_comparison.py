from dataclasses import replace

import numpy as np
import pytest

from cxrapp.errors import CxrError
from cxrapp.model.bundle import WEIGHTS
from cxrapp.model.card import Finding, ModelCard
from cxrapp.model.card_file import load_card
from cxrapp.model.decision import Setting
from cxrapp.model.scores import Scores
from cxrapp.statistics.bootstrap import film_weights, interval, number_patients, resamples
from cxrapp.statistics.matching import _same_films, matching_threshold
from cxrapp.statistics.model_comparison import FindingComparison, Side, compare_films
from cxrapp.statistics.thresholds import strictest

A, B = (load_card(WEIGHTS / f"{name}.json") for name in ("pneumonia", "all-ages"))
HALF = {"pneumonia": Setting(0.5), "viral": Setting(0.5)}


def changes_of(found: FindingComparison) -> list[tuple[str, str, str]]:
    rows = zip(found.films, found.before, found.after, found.changed, strict=True)
    return [(film, a.outcome, b.outcome) for film, a, b, changed in rows if changed]


def test_changed_decisions_by_hand() -> None:
    films = ("stays", "found", "lost", "in doubt", "asked", "no longer asked")
    before = [[0.9, 0.9], [0.2, 0.9], [0.8, 0.2], [0.7, 0.1], [0.3, 0.8], [0.6, 0.6]]
    after = [[0.8, 0.7], [0.6, 0.2], [0.1, 0.1], [0.45, 0.1], [0.5, 0.9], [0.4, 0.6]]
    side_a = Side(A, np.array(before), HALF)
    side_b = Side(B, np.array(after), HALF | {"pneumonia": Setting(0.5, 0.42)})
    pneumonia, viral = compare_films(side_a, side_b, films).findings
    assert changes_of(pneumonia) == [
        ("found", "negative", "positive"),
        ("lost", "positive", "negative"),
        ("in doubt", "positive", "undecided"),
        ("asked", "negative", "positive"),
        ("no longer asked", "positive", "negative"),
    ]
    assert changes_of(viral) == [
        ("found", "not asked", "negative"),
        ("lost", "negative", "not asked"),
        ("in doubt", "negative", "not asked"),
        ("asked", "not asked", "positive"),
        ("no longer asked", "positive", "not asked"),
    ]
    assert [d.probability for d in pneumonia.after] == [row[0] for row in after]
    assert pneumonia.after[0].threshold == 0.5


def test_findings_of_one_side_are_named_and_questions_that_differ_too() -> None:
    alone = replace(A, findings=A.findings[:1])
    other = replace(B, findings=(Finding("covid19", "COVID-19", "none"), *B.findings[:1]))
    sides = (
        Side(alone, np.array([[0.7]]), {"pneumonia": Setting(0.5)}),
        Side(other, np.array([[0.1, 0.2]]), {"covid19": Setting(0.5), "pneumonia": Setting(0.5)}),
    )
    compared = compare_films(*sides, ["x"])
    assert [finding.finding for finding in compared.findings] == ["pneumonia"]
    assert compared.findings[0].after[0].probability == 0.2  # by name, not by column
    assert (compared.only_a, compared.only_b, compared.notes) == ((), ("covid19",), ())
    renamed = replace(B, findings=(Finding("pneumonia", "pneumonia", "any other film"),))
    compared = compare_films(sides[0], Side(renamed, np.array([[0.2]]), HALF), ["x"])
    assert "pneumonia against any other film" in compared.notes[0]


def test_rows_must_be_one_a_film() -> None:
    side = Side(A, np.zeros((2, 2)), HALF)
    with pytest.raises(ValueError, match="probabilities"):
        compare_films(side, side, ["only one"])


def brute(a: Scores, threshold: float, b: Scores, wa: np.ndarray, wb: np.ndarray) -> list[float]:
    """The matching threshold and its specificity, by trying every score; films count `w` times."""
    goal = wa[a.labels & (a.probabilities >= threshold)].sum() / wa[a.labels].sum()
    ill = wb * b.labels
    keeps = [
        t
        for t in np.unique(b.probabilities[b.labels])
        if ill[b.probabilities >= t].sum() >= goal * ill.sum() - 1e-9
    ]
    well = wb * ~b.labels
    return [max(keeps), well[b.probabilities < max(keeps)].sum() / well.sum()]


def films(seed: int, number: int, patients: int) -> tuple[Scores, Scores]:
    """Two bundles' scores of the same films."""
    generator = np.random.default_rng(seed)
    labels, who = generator.random(number) < 0.5, generator.integers(0, patients, number)
    scores = np.clip(0.3 * labels + 0.35 + 0.2 * generator.standard_normal((2, number)), 0, 1)
    scores = np.round(scores, 2)  # so that some films of both kinds score the same
    return Scores(labels, scores[0], who), Scores(labels, scores[1], who)


def like(card: ModelCard, scores: Scores) -> ModelCard:
    """The card with these films as its only cohort, calibrated by the identity."""
    cohort = replace(
        card.cohorts["validation"],
        patients=scores.patients,
        labels=np.column_stack([scores.labels, np.full(len(scores.labels), np.nan)]).astype(float),
        logits=np.column_stack([scores.probabilities] * 2),
    )
    return replace(card, cohorts={"validation": cohort})


def test_match_on_the_same_films_by_brute_force() -> None:
    cards = [like(A, scores) for scores in films(0, 120, 70)]
    a, b = (card.scores("validation", "pneumonia") for card in cards)
    half = float(np.median(a.probabilities))
    match = matching_threshold(cards[0], half, cards[1], "pneumonia")
    once = np.ones(120)
    threshold, _ = brute(a, half, b, once, once)
    assert threshold - 0.001 < match.threshold.value <= threshold
    assert match.after.sensitivity.value >= match.before.sensitivity.value
    weights = resamples(len(np.unique(a.patients)))[:, number_patients(a.patients)]
    drawn = np.array([brute(a, half, b, w, w) for w in weights])
    low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
    assert (match.threshold.low, match.threshold.high) == pytest.approx((low[0], high[0]))
    fixed = match.after.specificity  # with the exact interval, which may be wider
    assert match.specificity.low == pytest.approx(min(low[1], fixed.low), abs=0.01)
    assert match.specificity.high == pytest.approx(max(high[1], fixed.high), abs=0.01)
    assert "120 validation films" in match.basis


def test_a_bundle_matches_itself_at_its_own_threshold() -> None:
    own = A.default_thresholds()["pneumonia"]
    match = matching_threshold(A, own, A, "pneumonia")
    assert match.threshold.low == match.threshold.value == own
    assert match.after == match.before


@pytest.mark.parametrize("finding", ["pneumonia", "viral"])
def test_match_of_the_shipped_bundles_by_brute_force(finding: str) -> None:
    own = A.default_thresholds()[finding]
    match = matching_threshold(A, own, B, finding)
    a, b = (card.scores("validation", finding) for card in (A, B))
    threshold, _ = brute(a, own, b, np.ones(len(a.labels)), np.ones(len(b.labels)))
    assert threshold - 0.001 < match.threshold.value <= threshold
    assert match.before.sensitivity.value <= match.after.sensitivity.value
    assert match.threshold.low <= match.threshold.value <= match.threshold.high
    assert match.specificity.low < match.specificity.value < match.specificity.high
    # The choice of the threshold adds to what is not known.
    fixed = match.after.specificity
    assert match.specificity.high - match.specificity.low >= fixed.high - fixed.low
    assert "films of its own" in match.basis


def test_pairing_removes_what_the_films_have_in_common() -> None:
    """The same scores twice: paired, no resample sees a change; apart, they do."""
    a, _ = films(4, 200, 200)
    half = float(A.calibrations[0].probability(np.array(0.5)))
    paired = matching_threshold(like(A, a), half, like(A, a), "pneumonia")
    order = np.argsort(a.labels, kind="stable")
    moved = Scores(a.labels[order], a.probabilities[order], a.patients[order])
    apart = matching_threshold(like(A, a), half, like(A, moved), "pneumonia")
    assert "the same films" in paired.basis and "films of its own" in apart.basis
    assert apart.threshold.value == paired.threshold.value
    width = [m.threshold.high - m.threshold.low for m in (paired, apart)]
    assert width[0] < 0.5 * width[1]


def test_resamples_of_different_films_are_not_the_same_ones() -> None:
    """Two cohorts of as many patients: the spread of the threshold must hold both their spreads."""
    (a, _), (b, _) = films(1, 300, 10**6), films(2, 300, 10**6)
    assert len(np.unique(a.patients)) == len(np.unique(b.patients)) == 300
    half = float(A.calibrations[0].probability(np.array(0.5)))
    match = matching_threshold(like(A, a), half, like(A, b), "pneumonia")
    assert "films of its own" in match.basis
    scores = like(A, b).scores("validation", "pneumonia")
    alone = strictest(scores, film_weights(b.patients), match.before.sensitivity.value)
    low, high = A.calibrations[0].probability(np.array(interval(alone)))
    assert match.threshold.high - match.threshold.low > 1.2 * (high - low)


def test_too_few_patients_and_missing_findings_are_sentences() -> None:
    few = like(A, films(0, 12, 12)[0])
    with pytest.raises(CxrError, match="nothing is measured"):
        matching_threshold(few, 0.5, B, "pneumonia")
    with pytest.raises(CxrError, match="no covid19"):
        matching_threshold(A, 0.5, B, "covid19")


@pytest.mark.parametrize(
    ("patients", "same"),
    [(["b", "b", "a", "c"], True), (["b", "a", "a", "c"], False), (["b", "b", "a", "b"], False)],
)
def test_patients_are_the_same_by_any_names(patients: list[str], same: bool) -> None:
    labels, values = np.array([True, False, True, False]), np.zeros(4)
    a = Scores(labels, values, np.array([7, 7, 9, 8]))
    assert _same_films(a, Scores(labels, values, np.array(patients))) is same
    assert not _same_films(a, Scores(~labels, values, a.patients))
