"""Curves and counts -> Plotly figures, for the app and for reports. No Streamlit."""

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go

from cxrapp.figures.charts import (
    ACCENT,
    AXIS,
    FAINT,
    LEGEND,
    MARGIN,
    MUTED,
    add_band,
    dress,
    precision_recall_figure,
    roc_figure,
    score_histogram,
)
from cxrapp.model.scores import Scores
from cxrapp.statistics.curves import (
    NetBenefit,
    Reliability,
    net_benefit,
    precision_recall_band,
    reliability,
    roc,
    roc_band,
)
from cxrapp.statistics.operating_point import operating_point


def draw_finding(
    scores: Scores, uncalibrated: np.ndarray, names: tuple[str, str], threshold: float
) -> dict[str, go.Figure]:
    """Title -> figure: everything that is drawn of one finding on one cohort.

    Args:
        uncalibrated: (N,) float64, the probabilities before calibration.
        names: The finding's negative and positive.
        threshold: On the calibrated probability.
    """
    point = operating_point(scores, threshold)
    counts = [
        [point.true_negatives, point.false_positives],
        [point.false_negatives, point.true_positives],
    ]
    before, after = reliability(scores.by(uncalibrated)), reliability(scores)
    precision, prevalence = precision_recall_band(scores), float(scores.labels.mean())
    return {
        "ROC": roc_figure(roc(scores), point, roc_band(scores)),
        "Precision and recall": precision_recall_figure(precision, point, prevalence),
        "At the default threshold": confusion_figure(np.array(counts), names),
        "Calibration": reliability_figure({"before": before, "calibrated": after}),
        "Scores": score_histogram(scores, names, threshold),
        "Decision curve": decision_curve_figure(net_benefit(scores)),
    }


def learning_figure(history: dict[str, list]) -> go.Figure:
    """Training and validation loss by epoch."""
    figure = go.Figure()
    for key, colour in (("train_loss", MUTED), ("validation_loss", ACCENT)):
        figure.add_scatter(
            x=history["epoch"],
            y=history[key],
            name=key.replace("_", " "),
            mode="lines+markers",
            line={"color": colour},
        )
    figure.update_xaxes(title="epoch", dtick=1, **AXIS)
    figure.update_yaxes(title="loss", rangemode="tozero", **AXIS)
    figure.update_layout(legend=LEGEND)
    return dress(figure)


def reliability_figure(curves: Mapping[str, Reliability]) -> go.Figure:
    """What was said against what was so; a dot's area is films.

    Args:
        curves: Name -> curve: of the probabilities before and after they were set right.
    """
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 100],
        y=[0, 100],
        mode="lines",
        line={"color": FAINT, "dash": "dot"},
        showlegend=False,
        hoverinfo="skip",
    )
    for (name, curve), colour in zip(curves.items(), (MUTED, ACCENT), strict=False):
        figure.add_scatter(
            x=100 * curve.said,
            y=100 * curve.observed,
            customdata=curve.films,
            name=name,
            mode="lines+markers",
            line={"color": colour, "width": 1},
            marker={"size": 5 + 20 * np.sqrt(curve.films / curve.films.sum())},
            error_y={
                "type": "data",
                "array": 100 * np.maximum(curve.high - curve.observed, 0),
                "arrayminus": 100 * np.maximum(curve.observed - curve.low, 0),
                "thickness": 1,
                "width": 0,
            },
            hovertemplate="said %{x:.0f} %, was %{y:.0f} %, %{customdata} films",
        )
    figure.update_xaxes(title="said, %", range=[-3, 103], **AXIS)
    figure.update_yaxes(title="observed, %", range=[-3, 103], **AXIS)
    figure.update_layout(legend=LEGEND)
    return dress(figure)


def decision_curve_figure(curve: NetBenefit) -> go.Figure:
    """Net benefit by threshold: the model, flagging every film, flagging none."""
    figure = go.Figure()
    add_band(figure, curve.model, 1)
    lines = {
        "model": (curve.model.value, {"color": ACCENT, "width": 2}),
        "every film flagged": (curve.everyone, {"color": MUTED}),
        "none flagged": (np.zeros_like(curve.everyone), {"color": MUTED, "dash": "dot"}),
    }
    for name, (values, line) in lines.items():
        figure.add_scatter(x=curve.model.x, y=values, name=name, mode="lines", line=line)
    top = float(curve.model.high.max())
    figure.update_xaxes(title="threshold probability", range=[0, 1], **AXIS)
    figure.update_yaxes(title="net benefit", range=[-0.1 * top, 1.1 * top], **AXIS)
    figure.update_layout(legend=LEGEND)
    return dress(figure)


def confusion_figure(counts: np.ndarray, names: tuple[str, ...]) -> go.Figure:
    """Films by what they are (rows) and what they are read as (columns), with rates by row.

    Args:
        counts: (C, C) int.
        names: C class names.
    """
    totals = counts.sum(1, keepdims=True)
    rates = counts / np.maximum(totals, 1)
    text = [
        [f"{count}<br>{100 * rate:.0f} %" for count, rate in zip(*row, strict=True)]
        for row in zip(counts, rates, strict=True)
    ]
    wrapped = [name.replace(" ", "<br>") for name in names]
    figure = go.Figure(
        go.Heatmap(
            z=rates,
            x=wrapped,
            y=wrapped,
            text=text,
            texttemplate="%{text}",
            colorscale=[[0, "#f1f5f9"], [1, ACCENT]],
            zmin=0,
            zmax=1,
            showscale=False,
            hovertemplate="%{y}, read as %{x}: %{text}<extra></extra>",
        )
    )
    figure.update_xaxes(title="read as", tickangle=0)
    figure.update_yaxes(title="is", autorange="reversed")
    return dress(figure, 160 + 70 * len(names), margin=MARGIN | {"l": 110, "b": 70})
