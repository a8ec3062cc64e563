import numpy as np
import pytest
from scipy.stats import beta, binomtest

from cxrapp.model.scores import Scores
from cxrapp.statistics.bootstrap import design_effect
from cxrapp.statistics.operating_point import operating_point
from cxrapp.statistics.sample_size import films_needed, patients_to_show


def test_films_needed_by_hand() -> None:
    """A fifth are ill: 141 / 0.2 = 705 films hold enough of the ill and, with 246 / 0.8 = 308, of
    the others."""
    needed = films_needed(0.9, 0.8, 0.2, half_width=0.05)
    assert (needed.positives, needed.negatives, needed.total) == (141, 246, 705)
    for films, kept in ((141, True), (140, False)):  # half of what was seen counts to either tail
        places = np.linspace(0, 1, 1_000_001)
        more = beta.cdf(places, 0.9 * films + 1, 0.1 * films)
        as_many = beta.cdf(places, 0.9 * films, 0.1 * films + 1)
        low, high = np.interp([0.025, 0.975], (more + as_many) / 2, places)
        assert (high - low <= 0.1) == kept
    doubled = films_needed(0.9, 0.8, 0.2, half_width=0.05, design_effects=(2.0, 1.0))
    assert (doubled.positives, doubled.negatives, doubled.total) == (282, 246, 1410)
    assert films_needed(0.9, 0.8, 0.9, half_width=0.05).total == 2460
    assert films_needed(0.9, 0.8, float("nan"), half_width=0.05).total is None


def test_so_many_films_do_give_such_intervals() -> None:
    needed = films_needed(0.9, 0.8, 0.5, half_width=0.05)
    labels = np.arange(needed.positives + needed.negatives) < needed.positives
    widths = []
    for seed in range(20):
        said = np.random.default_rng(seed).random(len(labels)) < np.where(labels, 0.9, 0.2)
        point = operating_point(Scores(labels, said.astype(float), np.arange(len(labels))), 0.5)
        widths.append([(r.high - r.low) / 2 for r in (point.sensitivity, point.specificity)])
    assert np.mean(widths, axis=0) == pytest.approx([0.05, 0.05], abs=0.002)


def test_design_effect_of_copies_is_their_number() -> None:
    hits = np.random.default_rng(0).random(400) < 0.7
    assert design_effect(hits, np.arange(400)) == 1
    assert design_effect(np.repeat(hits, 3), np.repeat(np.arange(400), 3)) == pytest.approx(
        3, rel=0.01
    )
    shuffled = design_effect(np.repeat(hits, 3), np.tile(np.arange(400), 3))
    assert 1 <= shuffled < 1.2  # films that have nothing in common are as good as patients
    assert design_effect(np.ones(10, bool), np.arange(10) // 2) == 2


@pytest.mark.parametrize("goal", [0.9, 0.95, 0.98])
def test_the_fewest_patients_that_show_a_goal(goal: float) -> None:
    few = patients_to_show(goal)
    lows = [binomtest(n, n).proportion_ci(method="exact").low for n in (few - 1, few)]
    assert lows[0] < goal <= lows[1]
