import numpy as np
import pytest

from cxrapp.model.scores import Scores
from cxrapp.statistics.operating_point import operating_point
from cxrapp.statistics.sample_size import design_effect, films_needed


def test_films_needed_by_hand() -> None:
    """Sensitivity 0.9 to within 0.05: 1.96^2 * 0.09 / 0.0025 = 138.3, so 139; specificity 0.8:
    245.9, so 246. A fifth are ill: 139 / 0.2 = 695 films hold enough of the ill and, with
    246 / 0.8 = 307.5, of the others."""
    needed = films_needed(0.9, 0.8, 0.2, half_width=0.05)
    assert (needed.positives, needed.negatives, needed.total) == (139, 246, 695)
    doubled = films_needed(0.9, 0.8, 0.2, half_width=0.05, design_effects=(2.0, 1.0))
    assert (doubled.positives, doubled.negatives, doubled.total) == (277, 246, 1385)
    assert films_needed(0.9, 0.8, 0.9, half_width=0.05).total == 2460
    assert films_needed(0.9, 0.8, float("nan"), half_width=0.05).total is None


def test_so_many_films_do_give_such_intervals() -> None:
    needed = films_needed(0.9, 0.8, 0.5, half_width=0.05)
    labels = np.arange(needed.positives + needed.negatives) < needed.positives
    called = np.random.default_rng(0).random(len(labels)) < np.where(labels, 0.9, 0.2)
    point = operating_point(Scores(labels, called.astype(float), np.arange(len(labels))), 0.5)
    for rate in (point.sensitivity, point.specificity):
        assert (rate.high - rate.low) / 2 == pytest.approx(0.05, abs=0.01)


def test_design_effect_of_copies_is_their_number() -> None:
    hits = np.random.default_rng(0).random(400) < 0.7
    assert design_effect(hits, np.arange(400)) == 1
    assert design_effect(np.repeat(hits, 3), np.repeat(np.arange(400), 3)) == pytest.approx(
        3, rel=0.01
    )
    shuffled = design_effect(np.repeat(hits, 3), np.tile(np.arange(400), 3))
    assert 1 <= shuffled < 1.2
    assert design_effect(np.ones(10, bool), np.arange(10) // 2) is None
