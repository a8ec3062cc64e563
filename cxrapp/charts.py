"""Curves and counts -> Plotly figures, for the app and for reports. No Streamlit."""

import numpy as np
import plotly.graph_objects as go

from cxrapp.card import Scores
from cxrapp.curves import (
    Band,
    NetBenefit,
    Reliability,
    net_benefit,
    precision_recall_band,
    reliability,
    roc_band,
)
from cxrapp.decision import OperatingPoint, Roc, operating_point, roc
from cxrapp.figures import ACCENT, FAINT, MUTED, POINT, dress

FADED = "rgba(13, 148, 136, 0.18)"  # ACCENT, for bands
MARGIN = {"l": 48, "r": 8, "t": 34, "b": 44}
LEGEND = {"orientation": "h", "y": 1.02, "yanchor": "bottom"}


def draw_finding(
    scores: Scores, uncalibrated: np.ndarray, names: tuple[str, str], threshold: float
) -> dict[str, go.Figure]:
    """Title -> figure: everything that is drawn of one finding on one cohort.

    Args:
        uncalibrated: (N,) float64, the probabilities before calibration.
        names: The finding's negative and positive.
        threshold: On the calibrated probability.
    """
    labels, probabilities, patients = films = scores.labels, scores.probabilities, scores.patients
    point = operating_point(labels, probabilities, threshold, patients)
    counts = [
        [point.true_negatives, point.false_positives],
        [point.false_negatives, point.true_positives],
    ]
    before, after = reliability(labels, uncalibrated, patients), reliability(*films)
    precision = precision_recall_band(*films)
    return {
        "ROC": roc_figure(roc(labels, probabilities), point, "", roc_band(*films)),
        "Precision and recall": precision_recall_figure(precision, point, labels.mean(), ""),
        "At the default threshold": confusion_figure(np.array(counts), names, ""),
        "Calibration": reliability_figure(before, after, ""),
        "Scores": score_histogram(labels, probabilities, names, threshold),
        "Decision curve": decision_curve_figure(net_benefit(*films), ""),
    }


def roc_figure(
    curve: Roc, point: OperatingPoint, title: str, band: Band | None = None
) -> go.Figure:
    """The ROC curve with the operating point, and its intervals as error bars."""
    sensitivity, specificity = point.sensitivity, point.specificity
    figure = go.Figure()
    if band:
        _add_band(figure, band, 100)
    figure.add_scatter(x=[0, 100], y=[0, 100], mode="lines", line={"color": FAINT, "dash": "dot"})
    figure.add_scatter(
        x=100 * (1 - curve.specificity),
        y=100 * curve.sensitivity,
        mode="lines",
        line={"color": ACCENT, "width": 2, "shape": "hv"},
        customdata=np.minimum(curve.thresholds, 1),
        hovertemplate="finds %{y:.0f} %, flags %{x:.0f} %, threshold %{customdata:.3f}",
    )
    figure.add_scatter(
        x=[100 * (1 - specificity.value)],
        y=[100 * sensitivity.value],
        mode="markers",
        marker={"size": 13, "color": POINT, "line": {"color": "white", "width": 2}},
        error_y=_error_bar(sensitivity.value, sensitivity.low, sensitivity.high),
        error_x=_error_bar(1 - specificity.value, 1 - specificity.high, 1 - specificity.low),
        hovertemplate="this setting: finds %{y:.0f} %, flags %{x:.0f} %",
    )
    figure.update_traces(showlegend=False, name="")
    figure.update_xaxes(title="wrongly flagged (1 - specificity), %", range=[-3, 103], **_AXIS)
    figure.update_yaxes(title="found (sensitivity), %", range=[-3, 103], **_AXIS)
    return dress(figure, title, 300, margin=MARGIN)


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
    figure.update_xaxes(title="epoch", dtick=1, **_AXIS)
    figure.update_yaxes(title="loss", rangemode="tozero", **_AXIS)
    figure.update_layout(legend=LEGEND)
    return dress(figure, "", 300, margin={"l": 48, "r": 8, "t": 30, "b": 44})


def precision_recall_figure(
    band: Band, point: OperatingPoint, prevalence: float, title: str
) -> go.Figure:
    """Precision at every sensitivity, the operating point, and flagging every film as a line."""
    figure = go.Figure()
    _add_band(figure, band, 100)
    figure.add_hline(100 * prevalence, line={"color": FAINT, "dash": "dot"})
    figure.add_scatter(
        x=100 * band.x,
        y=100 * band.value,
        mode="lines",
        line={"color": ACCENT, "width": 2},
        hovertemplate="finds %{x:.0f} %, of those flagged %{y:.0f} % rightly",
    )
    figure.add_scatter(
        x=[100 * point.sensitivity.value],
        y=[100 * point.precision.value],
        mode="markers",
        marker={"size": 13, "color": POINT, "line": {"color": "white", "width": 2}},
        hovertemplate="this setting: finds %{x:.0f} %, of those flagged %{y:.0f} % rightly",
    )
    figure.update_traces(showlegend=False, name="")
    figure.update_xaxes(title="found (sensitivity), %", range=[-3, 103], **_AXIS)
    figure.update_yaxes(title="right of those flagged, %", range=[-3, 103], **_AXIS)
    return dress(figure, title, 300, margin=MARGIN)


def reliability_figure(before: Reliability, after: Reliability, title: str) -> go.Figure:
    """What was said against what was so, before and after calibration; a dot's area is films."""
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 100],
        y=[0, 100],
        mode="lines",
        line={"color": FAINT, "dash": "dot"},
        showlegend=False,
        hoverinfo="skip",
    )
    for curve, name, colour in ((before, "before", MUTED), (after, "calibrated", ACCENT)):
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
    figure.update_xaxes(title="said, %", range=[-3, 103], **_AXIS)
    figure.update_yaxes(title="observed, %", range=[-3, 103], **_AXIS)
    figure.update_layout(legend=LEGEND)
    return dress(figure, title, 300, margin=MARGIN)


def score_histogram(
    labels: np.ndarray,
    probabilities: np.ndarray,
    names: tuple[str, str],
    threshold: float,
    *,
    abstain_from: float | None = None,
    film: float | None = None,
    logit: bool = False,
) -> go.Figure:
    """Scores of films without and with the finding, and where the threshold lies.

    Args:
        labels: (N,) bool.
        probabilities: (N,) float64.
        names: The finding's negative and positive.
        abstain_from: Where a band begins that ends at the threshold.
        film: The probability of one film, to show among them.
        logit: Draw log-odds, which spread out the films whose probability is near 0 or 1.
    """

    def place(values: np.ndarray | float) -> np.ndarray:
        kept = np.clip(values, 1e-3, 1 - 1e-3)
        return np.log(kept / (1 - kept)) if logit else np.asarray(values)

    figure = go.Figure()
    ends = (-7, 7) if logit else (0, 1)
    bins = {"start": ends[0], "end": ends[1], "size": (ends[1] - ends[0]) / 25}
    middle = sum(ends) / 2
    for present, colour in ((False, MUTED), (True, ACCENT)):
        figure.add_histogram(
            x=place(probabilities[labels == present]),
            xbins=bins,
            name=names[int(present)],
            marker={"color": colour},
            opacity=0.65,
        )
    if abstain_from is not None:
        band = place(np.array([abstain_from, threshold]))
        figure.add_vrect(*band.tolist(), fillcolor=POINT, opacity=0.15, line_width=0)
    figure.add_vline(float(place(threshold)), line={"color": POINT, "width": 2})
    if film is not None:
        figure.add_vline(
            float(place(film)),
            line={"color": MUTED, "width": 2, "dash": "dash"},
            annotation={"text": "this film", "showarrow": False},
            annotation_position="top left" if place(film) > middle else "top right",
        )
    title = "log-odds" if logit else "calibrated probability"
    figure.update_xaxes(title=title, range=ends, **_AXIS)
    figure.update_yaxes(title="films", **_AXIS)
    figure.update_layout(barmode="overlay", legend=LEGEND)
    return dress(figure, "", 300, margin=MARGIN)


def decision_curve_figure(curve: NetBenefit, title: str) -> go.Figure:
    """Net benefit by threshold: the model, flagging every film, flagging none."""
    figure = go.Figure()
    _add_band(figure, curve.model, 1)
    lines = {
        "model": (curve.model.value, {"color": ACCENT, "width": 2}),
        "every film flagged": (curve.everyone, {"color": MUTED}),
        "none flagged": (np.zeros_like(curve.everyone), {"color": MUTED, "dash": "dot"}),
    }
    for name, (values, line) in lines.items():
        figure.add_scatter(x=curve.model.x, y=values, name=name, mode="lines", line=line)
    top = float(curve.model.high.max())
    figure.update_xaxes(title="threshold probability", range=[0, 1], **_AXIS)
    figure.update_yaxes(title="net benefit", range=[-0.1 * top, 1.1 * top], **_AXIS)
    figure.update_layout(legend=LEGEND)
    return dress(figure, title, 300, margin=MARGIN)


def confusion_figure(counts: np.ndarray, names: tuple[str, ...], title: str) -> go.Figure:
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
    figure.update_xaxes(title="read as")
    figure.update_yaxes(title="is", autorange="reversed")
    figure.update_xaxes(tickangle=0)
    return dress(figure, title, 160 + 70 * len(names), margin=MARGIN | {"l": 110, "b": 70})


def _add_band(figure: go.Figure, band: Band, scale: float) -> None:
    figure.add_scatter(
        x=scale * np.concatenate([band.x, band.x[::-1]]),
        y=scale * np.concatenate([band.high, band.low[::-1]]),
        fill="toself",
        fillcolor=FADED,
        line={"width": 0},
        mode="lines",
        showlegend=False,
        hoverinfo="skip",
    )


_AXIS = {"gridcolor": FAINT, "zeroline": False, "linecolor": FAINT}


def _error_bar(value: float, low: float, high: float) -> dict:
    return {
        "type": "data",
        "array": [100 * max(0, high - value)],
        "arrayminus": [100 * max(0, value - low)],
        "color": POINT,
        "thickness": 1.5,
        "width": 4,
    }
