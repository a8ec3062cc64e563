from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score, roc_auc_score

from cxrapp.model.bundle import Bundle
from cxrapp.model.decision import Setting, decide
from cxrapp.model.scores import Scores
from cxrapp.statistics.bootstrap import chosen_interval, mean_rate, share_rate
from cxrapp.statistics.curves import auroc_difference, auroc_rate, calibration_error, roc
from cxrapp.statistics.operating_point import operating_point
from cxrapp.statistics.prevalence import adjust_prevalence
from cxrapp.statistics.thresholds import cost_threshold, threshold_for, youden_threshold

GENERATOR = np.random.default_rng(1)
LABELS = GENERATOR.random(400) < 0.4
SCORES = np.clip(0.25 * LABELS + 0.4 + 0.2 * GENERATOR.standard_normal(400), 0, 1)
PATIENTS = np.arange(400) // 2
COHORT = Scores(LABELS, SCORES, PATIENTS)


def test_operating_point_agrees_with_scikit_learn() -> None:
    point = operating_point(COHORT, 0.5)
    called = SCORES >= 0.5
    assert point.sensitivity.value == pytest.approx(recall_score(LABELS, called))
    assert point.specificity.value == pytest.approx(recall_score(~LABELS, ~called))
    assert point.precision.value == pytest.approx(precision_score(LABELS, called))
    assert point.accuracy.value == pytest.approx(accuracy_score(LABELS, called))
    assert point.f1.value == pytest.approx(f1_score(LABELS, called))
    assert point.true_positives + point.false_negatives == LABELS.sum() == point.sensitivity.n
    assert point.false_positives + point.true_negatives == (~LABELS).sum()


def test_a_score_equal_to_the_threshold_is_positive() -> None:
    labels, scores = np.array([True, False]), np.array([0.5, 0.4])
    point = operating_point(Scores(labels, scores, np.arange(2)), 0.5)
    assert (point.true_positives, point.false_positives) == (1, 0)


def test_intervals_contain_the_value() -> None:
    point = operating_point(COHORT, 0.5)
    for rate in (point.sensitivity, point.specificity, point.precision, point.accuracy, point.f1):
        assert rate.low < rate.value < rate.high


def test_copies_of_a_patient_add_no_certainty() -> None:
    once = operating_point(Scores(LABELS, SCORES, np.arange(400)), 0.5)
    copied = Scores(*(np.repeat(values, 4) for values in (LABELS, SCORES, np.arange(400))))
    by_patient = operating_point(copied, 0.5)
    by_film = operating_point(replace(copied, patients=np.arange(1600)), 0.5)
    width = once.sensitivity.high - once.sensitivity.low
    assert by_patient.sensitivity.high - by_patient.sensitivity.low == pytest.approx(
        width, rel=0.03
    )
    assert by_film.sensitivity.high - by_film.sensitivity.low < 0.6 * width


def test_no_miss_among_few_patients_is_not_certainty() -> None:
    labels, scores = np.array([True] * 20 + [False] * 20), np.linspace(1, 0, 40)
    point = operating_point(Scores(labels, scores, np.arange(40)), 0.5)
    assert point.sensitivity.value == 1
    assert point.sensitivity.low == pytest.approx(0.05 ** (1 / 20))  # none counts half
    assert point.sensitivity.high == 1


def test_rate_without_films_is_not_a_number() -> None:
    point = operating_point(COHORT, 2.0)
    assert np.isnan(point.precision.value)
    assert point.precision.n == 0


def test_roc_and_its_area_agree_with_the_points() -> None:
    curve = roc(COHORT)
    assert curve.auroc == pytest.approx(roc_auc_score(LABELS, SCORES))
    for i in range(1, len(curve.thresholds), 50):
        point = operating_point(COHORT, curve.thresholds[i])
        assert point.sensitivity.value == pytest.approx(curve.sensitivity[i])
        assert point.specificity.value == pytest.approx(curve.specificity[i])
    rate = auroc_rate(COHORT)
    assert rate.value == pytest.approx(curve.auroc) and rate.low < rate.value < rate.high


def test_youden_is_the_best_sum() -> None:
    best = operating_point(COHORT, youden_threshold(COHORT))
    for threshold in np.linspace(0.1, 0.9, 33):
        other = operating_point(COHORT, threshold)
        total = other.sensitivity.value + other.specificity.value
        assert total <= best.sensitivity.value + best.specificity.value + 1e-12


def test_bounds_rise_with_every_film_that_is_found() -> None:
    """0, 1, 2, 3 misses: 0.985, 0.991, 0.986, 0.982 where an exact bound took over at none."""
    bounds = []
    for misses in range(8):
        found = Scores(np.ones(240, bool), np.arange(240) >= misses, np.arange(240))
        bounds.append(operating_point(found, 0.5).sensitivity.low)
    halves = [binomtest(240 - n, 240, bounds[1], alternative="greater").pvalue for n in (0, 1)]
    assert bounds == sorted(bounds, reverse=True) and np.mean(halves) == pytest.approx(0.025)
    lower, upper = (
        [getattr(operating_point(COHORT, t).sensitivity, end) for t in np.unique(SCORES)[::9]]
        for end in ("low", "high")
    )
    assert lower == sorted(lower, reverse=True) and upper == sorted(upper, reverse=True)


@pytest.mark.parametrize("goal", ["sensitivity", "specificity"])
def test_goal_is_kept_by_the_lower_bound_and_not_by_the_next_threshold(goal: str) -> None:
    threshold = threshold_for(COHORT, **{goal: 0.8})
    kept = operating_point(COHORT, threshold)
    assert getattr(kept, goal).low >= 0.8
    ordered = np.unique(SCORES)
    step = 1 if goal == "sensitivity" else -1
    beyond = ordered[np.searchsorted(ordered, threshold) + 5 * step]
    assert getattr(operating_point(COHORT, beyond), goal).low < 0.8


def test_goal_too_high_for_so_few_patients_has_no_threshold() -> None:
    few = COHORT.subset(np.arange(400) < 20)
    assert threshold_for(few, sensitivity=0.98) is None


def test_one_goal_is_required() -> None:
    with pytest.raises(TypeError):
        threshold_for(COHORT)


@pytest.mark.parametrize(
    ("probabilities", "expected"),
    [
        ((0.9, 0.9), ("positive", "positive")),
        ((0.5, 0.2), ("positive", "negative")),
        ((0.4, 0.9), ("negative", "not asked")),
    ],
)
def test_viral_is_asked_only_with_pneumonia(
    bundle: Bundle, probabilities: tuple[float, float], expected: tuple[str, str]
) -> None:
    settings = {"pneumonia": Setting(0.5), "viral": Setting(0.5)}
    decisions = decide(bundle.card, probabilities, settings)
    assert tuple(decision.outcome for decision in decisions) == expected
    assert tuple(decision.probability for decision in decisions) == probabilities


def test_share_and_mean_agree_and_know_their_uncertainty() -> None:
    cases = SCORES > 0.5
    share, mean = share_rate(cases, PATIENTS), mean_rate(cases.astype(float), PATIENTS)
    assert share.value == mean.value == cases.mean()
    exact = binomtest(int(cases[::2].sum()), 200).proportion_ci(method="exact")
    once, copied = (
        share_rate(cases[::2], np.arange(200)),
        share_rate(np.repeat(cases[::2], 2), PATIENTS),
    )
    assert (once.low, once.high) == pytest.approx((copied.low, copied.high), abs=1e-3)
    assert exact.low < once.low < once.value < once.high < exact.high
    assert (share.low, share.high) == pytest.approx((mean.low, mean.high), abs=0.003)
    assert share_rate(np.ones(20, bool), np.arange(20)).low < 0.9


def test_difference_of_a_score_with_itself_is_none_and_with_noise_is_sure() -> None:
    same = auroc_difference(COHORT, COHORT.by(SCORES * 2))
    assert (same.value, same.low, same.high) == (0, 0, 0)
    noise = np.random.default_rng(5).random(400)
    better = auroc_difference(COHORT, COHORT.by(noise))
    expected = roc_auc_score(LABELS, SCORES) - roc_auc_score(LABELS, noise)
    assert better.value == pytest.approx(expected)
    assert 0 < better.low < better.value < better.high


def test_calibration_error_is_the_gap_in_each_bin() -> None:
    probabilities = np.repeat([0.25, 0.75], 100)
    labels = np.concatenate([np.arange(100) < 25, np.arange(100) < 55])
    error = calibration_error(Scores(labels, probabilities, np.arange(200)))
    assert error.value == pytest.approx(0.5 * 0 + 0.5 * 0.20)
    assert error.low < error.value < error.high


@pytest.mark.parametrize("miss_cost", [0.5, 3, 20])
def test_no_other_threshold_costs_less(miss_cost: float) -> None:
    def cost(threshold: float) -> float:
        called = SCORES >= threshold
        missed, flagged = (~called[LABELS]).mean(), called[~LABELS].mean()
        return 0.2 * miss_cost * missed + 0.8 * flagged

    best = cost_threshold(COHORT, prevalence=0.2, miss_cost=miss_cost)
    assert cost(best) == pytest.approx(min(map(cost, SCORES)))


def test_dear_misses_lower_the_threshold() -> None:
    thresholds = [cost_threshold(COHORT, prevalence=0.2, miss_cost=cost) for cost in (0.5, 3, 20)]
    assert thresholds == sorted(thresholds, reverse=True)
    assert thresholds[0] > thresholds[-1]


def test_a_rarer_finding_is_less_likely_by_bayes_rule() -> None:
    # A test that is positive on 80 of 100 ill and 10 of 100 well: among 50 and 50, 8 of 9 are ill;
    # among 10 and 90, 8 of 17.
    assert adjust_prevalence(8 / 9, 0.5, 0.1) == pytest.approx(8 / 17)
    assert adjust_prevalence(0.3, 0.2, 0.2) == pytest.approx(0.3)
    assert adjust_prevalence(0.0, 0.7, 0.1) == 0
    assert adjust_prevalence(1.0, 0.7, 0.1) == pytest.approx(1)


@pytest.mark.parametrize("patients", [np.arange(300), np.arange(600) // 2])
def test_every_miss_lowers_the_bound(patients: np.ndarray) -> None:
    """0, 1, 2 and 3 misses were 0.985, 0.991, 0.986 and 0.982."""
    films = np.arange(len(patients))
    found = [(films % 2 == 1) | (films >= 2 * misses) for misses in range(8)]
    shares = [share_rate(one, patients).low for one in found]
    chosen = [chosen_interval(one, patients)[0] for one in found]
    for bounds in (shares, chosen):
        assert bounds == sorted(bounds, reverse=True)
