import numpy as np
import pytest
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from cxrapp.model.scores import Scores
from cxrapp.statistics.operating_point import operating_point
from train.calibrate import find_operating_points, fit_calibration, fit_noisy_calibration


@pytest.fixture(scope="module")
def truth() -> tuple[np.ndarray, np.ndarray]:
    """Logits (20_000,) and labels drawn with probability sigmoid(2 logit - 1)."""
    generator = np.random.default_rng(0)
    logits = 2 * generator.normal(size=20_000)
    return logits, generator.random(20_000) < expit(2 * logits - 1)


def test_right_labels_give_plain_platt_scaling(truth: tuple[np.ndarray, np.ndarray]) -> None:
    logits, labels = truth
    model = LogisticRegression(C=np.inf).fit(logits[:, None], labels)
    for fit in (fit_calibration, fit_noisy_calibration):
        fitted = fit(labels, logits)
        assert (fitted.slope, fitted.intercept) == pytest.approx(
            (model.coef_[0, 0], model.intercept_[0])
        )
        assert fitted.mislabelled == (0, 0)


def test_a_card_promises_no_more_than_its_labels_show(truth: tuple[np.ndarray, np.ndarray]) -> None:
    logits, labels = truth
    wrong = np.random.default_rng(1).random(20_000) < 0.3
    fitted = fit_calibration(labels ^ wrong, logits)
    sure = fitted.probability(logits) > 0.6
    assert (labels ^ wrong)[sure].mean() == pytest.approx(
        fitted.probability(logits[sure]).mean(), abs=0.03
    )


def test_wrong_labels_are_seen_through(truth: tuple[np.ndarray, np.ndarray]) -> None:
    logits, labels = truth
    wrong = np.random.default_rng(1).random(20_000) < np.where(labels, 0.25, 0.1)
    fitted = fit_noisy_calibration(labels ^ wrong, logits)
    assert fitted.mislabelled == pytest.approx((0.1, 0.25), abs=0.05)
    expected = expit(2 * logits - 1)
    assert np.abs(fitted.probability(logits) - expected).mean() < 0.04
    plain = LogisticRegression(C=np.inf).fit(logits[:, None], labels ^ wrong)
    assert np.abs(plain.predict_proba(logits[:, None])[:, 1] - expected).mean() > 0.08


def test_scale_of_the_logits_does_not_matter(truth: tuple[np.ndarray, np.ndarray]) -> None:
    logits, labels = truth
    wrong = np.random.default_rng(1).random(20_000) < 0.2
    small, large = (fit_noisy_calibration(labels ^ wrong, scale * logits) for scale in (0.01, 100))
    np.testing.assert_allclose(
        small.probability(0.01 * logits), large.probability(100 * logits), atol=0.02
    )


def test_operating_points_keep_their_goals(truth: tuple[np.ndarray, np.ndarray]) -> None:
    logits, labels = truth
    scores = Scores(labels, expit(2 * logits - 1), np.arange(20_000) // 2)
    points = find_operating_points(scores, screens=False)
    assert list(points)[0] == "balanced (Youden)"
    screening = find_operating_points(scores, screens=True)
    assert list(screening)[0] == "sensitivity at least 95 %" and screening == points
    for name, threshold in points.items():
        point = operating_point(scores, threshold)
        if name.startswith("sensitivity"):
            assert point.sensitivity.low >= float(name.split()[-2]) / 100
        if name.startswith("specificity"):
            assert point.specificity.low >= 0.90


def test_a_goal_that_only_calling_every_film_keeps_is_left_out() -> None:
    scores = np.linspace(0.0001, 0.01, 400)
    labels = np.arange(400) % 2 == 0  # no score tells anything
    points = find_operating_points(Scores(labels, scores, np.arange(400)), screens=True)
    assert "sensitivity at least 98 %" not in points
    assert all(0 < (scores >= threshold).sum() < 400 for threshold in points.values())
