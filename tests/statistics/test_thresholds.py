import numpy as np

from cxrapp.model.scores import Scores
from cxrapp.statistics.thresholds import round_down, round_up, strictest


def test_strictest_threshold_is_the_best_of_all() -> None:
    generator = np.random.default_rng(2)
    labels, scores = generator.random(60) < 0.5, np.round(generator.random(60), 1)
    films = Scores(labels, scores, np.arange(60))
    weights = generator.multinomial(60, np.full(60, 1 / 60), size=20)
    goals = generator.uniform(0.05, 1, 20)
    found = strictest(films, weights, goals)
    for threshold, row, goal in zip(found, weights, goals, strict=True):
        ill = row * labels
        keeps = [t for t in np.unique(scores) if ill[scores >= t].sum() >= goal * ill.sum() - 1e-9]
        assert threshold == max(keeps)
    assert strictest(films, np.ones((1, 60), int), 0.0) == scores[labels].max()
    none = strictest(films, (~labels).astype(int)[None], 0.9)
    assert np.isnan(none).all()


def test_rounding_keeps_every_film_on_its_side() -> None:
    even = np.arange(1, 1000) / 1000
    others = [np.nextafter(even, 0), np.nextafter(even, 1), np.linspace(0.001, 1, 997)]
    for threshold in np.concatenate([even, *others]).tolist():
        assert threshold - 0.001001 < round_down(threshold) <= threshold
        assert threshold <= round_up(threshold) < threshold + 0.001001
    assert round_down(0.57) == 0.57 and round_down(0.5699) == 0.569
    assert round_down(0.0004) == 0.0004  # 0 would call every film positive
