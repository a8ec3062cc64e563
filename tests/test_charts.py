import json

import numpy as np
import plotly.graph_objects as go
import pytest

from cxrapp.bundle import Bundle
from cxrapp.charts import (
    confusion_figure,
    decision_curve_figure,
    reliability_figure,
)
from cxrapp.curves import net_benefit, precision_recall_band, reliability, roc_band
from cxrapp.decision import operating_point, roc
from cxrapp.setting_charts import (
    Cut,
    cut_scores,
    move_on_precision,
    move_on_roc,
    precision_recall_figure,
    roc_figure,
    score_histogram,
)


def test_roc_marker_stands_on_the_curve_at_the_threshold(bundle: Bundle) -> None:
    scores = bundle.card.scores("validation", "pneumonia")
    curve = roc(scores.labels, scores.probabilities)
    point = operating_point(scores.labels, scores.probabilities, 0.5, scores.patients)
    figure = roc_figure(curve, point, "ROC")
    line, marker = figure.data[1], figure.data[2]
    distance = np.hypot(line.x - marker.x[0], line.y - marker.y[0])
    assert distance.min() < 1e-9
    assert marker.y[0] == 100 * point.sensitivity.value


def test_the_band_lies_under_the_curve(bundle: Bundle) -> None:
    scores = bundle.card.scores("test", "viral")
    cohort = scores.labels, scores.probabilities, scores.patients
    point = operating_point(*cohort[:2], 0.5, scores.patients)
    figure = roc_figure(roc(*cohort[:2]), point, "ROC", roc_band(*cohort))
    assert figure.data[0].fill == "toself" and len(figure.data[0].x) == 202
    assert figure.data[2].line.width == 2


def test_precision_marker_stands_at_the_setting(bundle: Bundle) -> None:
    scores = bundle.card.scores("test", "pneumonia")
    cohort = scores.labels, scores.probabilities, scores.patients
    threshold = float(np.quantile(scores.probabilities[scores.labels], 0.2))
    point = operating_point(*cohort[:2], threshold, scores.patients)
    band = precision_recall_band(*cohort)
    marker = precision_recall_figure(band, point, scores.labels.mean(), "").data[-1]
    nearest = np.argmin(np.abs(100 * band.x - marker.x[0]))
    assert abs(100 * band.value[nearest] - marker.y[0]) < 2


def test_histogram_holds_every_film_once(bundle: Bundle) -> None:
    scores = bundle.card.scores("test", "pneumonia")
    figure = score_histogram(scores.labels, scores.probabilities, ("normal", "ill"), Cut(0.5))
    assert [sum(bars.y) for bars in figure.data] == [234, 390]
    assert [bars.name for bars in figure.data] == ["normal", "ill"]


def test_calibration_and_decision_curves_are_drawn_from_their_numbers(bundle: Bundle) -> None:
    scores = bundle.card.scores("test", "pneumonia")
    cohort = scores.labels, scores.probabilities, scores.patients
    curve = reliability(*cohort)
    drawn = reliability_figure(curve, curve, "").data[-1]
    np.testing.assert_allclose(drawn.y, 100 * curve.observed)
    gain = net_benefit(*cohort)
    model = decision_curve_figure(gain, "").data[1]
    np.testing.assert_allclose(model.y, gain.model.value)


def test_confusion_matrix_is_counted_by_row() -> None:
    figure = confusion_figure(np.array([[8, 2], [0, 0]]), ("normal", "ill"), "")
    assert figure.data[0].text[0] == ["8<br>80 %", "2<br>20 %"]
    assert figure.data[0].text[1] == ["0<br>0 %", "0<br>0 %"]


def test_log_odds_keep_threshold_film_and_scores_in_one_order(bundle: Bundle) -> None:
    scores = bundle.card.scores("test", "pneumonia")
    drawn = [
        score_histogram(
            scores.labels,
            scores.probabilities,
            ("normal", "ill"),
            Cut(0.7, abstain_from=0.4, film=0.5),
            logit=logit,
        )
        for logit in (False, True)
    ]
    for figure, (low, film, high) in zip(
        drawn, [(0.4, 0.5, 0.7), (np.log(2 / 3), 0.0, np.log(7 / 3))], strict=True
    ):
        band, threshold, line = figure.layout.shapes
        assert (band.x0, band.x1) == pytest.approx((low, high))
        assert threshold.x0 == pytest.approx(high)
        assert line.x0 == pytest.approx(film)
    assert [sum(bars.y) for bars in drawn[1].data] == [234, 390]


def test_a_moved_setting_is_drawn_as_if_it_had_been_there_from_the_start(bundle: Bundle) -> None:
    scores = bundle.card.scores("test", "viral")
    cohort = scores.labels, scores.probabilities, scores.patients
    curve, bands = roc(*cohort[:2]), (roc_band(*cohort), precision_recall_band(*cohort))
    points = [operating_point(*cohort[:2], t, scores.patients) for t in (0.2, 0.9)]
    cuts = [Cut(0.2, abstain_from=0.1), Cut(0.9, film=0.3)]

    def draw(k: int) -> list[go.Figure]:
        return [
            roc_figure(curve, points[k], "", bands[0]),
            precision_recall_figure(bands[1], points[k], 0.4, ""),
            score_histogram(*cohort[:2], ("bacterial", "viral"), cuts[k], logit=True),
        ]

    moved = draw(0)
    move_on_roc(moved[0], points[1])
    move_on_precision(moved[1], points[1])
    cut_scores(moved[2], cuts[1], logit=True)
    for one, other in zip(moved, draw(1), strict=True):
        assert json.loads(one.to_json()) == json.loads(other.to_json())
