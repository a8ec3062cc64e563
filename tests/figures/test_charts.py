import numpy as np
import pytest

from cxrapp.figures.charts import precision_recall_figure, roc_figure, score_histogram
from cxrapp.figures.cohort_charts import confusion_figure, decision_curve_figure, reliability_figure
from cxrapp.model.bundle import Bundle
from cxrapp.statistics.curves import net_benefit, precision_recall_band, reliability, roc, roc_band
from cxrapp.statistics.operating_point import operating_point


def test_roc_marker_stands_on_the_curve_at_the_threshold(bundle: Bundle) -> None:
    scores = bundle.card.scores("validation", "pneumonia")
    curve = roc(scores)
    point = operating_point(scores, 0.5)
    figure = roc_figure(curve, point)
    line, marker = figure.data[1], figure.data[2]
    distance = np.hypot(line.x - marker.x[0], line.y - marker.y[0])
    assert distance.min() < 1e-9
    assert marker.y[0] == 100 * point.sensitivity.value


def test_the_band_lies_under_the_curve(bundle: Bundle) -> None:
    scores = bundle.card.scores("test", "viral")
    point = operating_point(scores, 0.5)
    figure = roc_figure(roc(scores), point, roc_band(scores))
    assert figure.data[0].fill == "toself" and len(figure.data[0].x) == 202
    assert figure.data[2].line.width == 2


def test_precision_marker_stands_at_the_setting(bundle: Bundle) -> None:
    scores = bundle.card.scores("test", "pneumonia")
    threshold = float(np.quantile(scores.probabilities[scores.labels], 0.2))
    point = operating_point(scores, threshold)
    band = precision_recall_band(scores)
    marker = precision_recall_figure(band, point, scores.labels.mean()).data[-1]
    nearest = np.argmin(np.abs(100 * band.x - marker.x[0]))
    assert abs(100 * band.value[nearest] - marker.y[0]) < 2


def test_histogram_holds_every_film_once(bundle: Bundle) -> None:
    scores = bundle.card.scores("test", "pneumonia")
    figure = score_histogram(scores, ("normal", "ill"), 0.5)
    assert [sum(bars.y) for bars in figure.data] == [234, 390]
    assert [bars.name for bars in figure.data] == ["normal", "ill"]


def test_calibration_and_decision_curves_are_drawn_from_their_numbers(bundle: Bundle) -> None:
    scores = bundle.card.scores("test", "pneumonia")
    curve = reliability(scores)
    drawn = reliability_figure({"before": curve, "after": curve}).data[-1]
    np.testing.assert_allclose(drawn.y, 100 * curve.observed)
    gain = net_benefit(scores)
    model = decision_curve_figure(gain).data[1]
    np.testing.assert_allclose(model.y, gain.model.value)


def test_confusion_matrix_is_counted_by_row() -> None:
    figure = confusion_figure(np.array([[8, 2], [0, 0]]), ("normal", "ill"))
    assert figure.data[0].text[0] == ["8<br>80 %", "2<br>20 %"]
    assert figure.data[0].text[1] == ["0<br>0 %", "0<br>0 %"]


def test_log_odds_keep_threshold_and_scores_in_one_order(bundle: Bundle) -> None:
    scores = bundle.card.scores("test", "pneumonia")
    drawn = score_histogram(scores, ("normal", "ill"), 0.7, logit=True)
    assert drawn.layout.shapes[0].x0 == pytest.approx(np.log(7 / 3))
    assert [sum(bars.y) for bars in drawn.data] == [234, 390]
    edge = 4.2  # of a bar
    beyond = drawn.data[1].x > edge
    ill = scores.probabilities[scores.labels]
    assert sum(drawn.data[1].y[beyond]) == (np.log(ill / (1 - ill)) >= edge).sum() > 0


def test_a_figure_without_a_setting_shows_the_same_curves(bundle: Bundle) -> None:
    scores = bundle.card.scores("test", "viral")
    curve, band = roc(scores), precision_recall_band(scores)
    point = operating_point(scores, 0.5)
    for with_setting, without in (
        (roc_figure(curve, point), roc_figure(curve, None)),
        (precision_recall_figure(band, point, 0.4), precision_recall_figure(band, None, 0.4)),
    ):
        assert with_setting.data[:-1] == without.data
