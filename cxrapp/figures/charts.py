"""The look all figures share; curves and scores, with one setting among them or without."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go

from cxrapp.model.scores import Scores
from cxrapp.statistics.bootstrap import Rate
from cxrapp.statistics.curves import Band, Roc
from cxrapp.statistics.operating_point import OperatingPoint

ACCENT = "#0d9488"
POINT = "#ea580c"
MUTED = "#64748b"
FAINT = "rgba(128, 138, 152, 0.3)"
FADED = "rgba(13, 148, 136, 0.18)"  # ACCENT, for bands
AXIS = {"gridcolor": FAINT, "zeroline": False, "linecolor": FAINT}
MARGIN = {"l": 48, "r": 8, "t": 34, "b": 44}
LEGEND = {"orientation": "h", "y": 1.02, "yanchor": "bottom"}
MARKER = {"size": 13, "color": POINT, "line": {"color": "white", "width": 2}}
BARS = {"type": "data", "color": POINT, "thickness": 1.5, "width": 4}
LOGIT_END = 7
BINS = 25  # of scores
SHARES = (-3.0, 103.0)  # axes of per cents, with room for a marker at either end


def roc_figure(curve: Roc, point: OperatingPoint | None, band: Band | None = None) -> go.Figure:
    """The ROC curve, and the operating point with its intervals as error bars."""
    figure = go.Figure()
    if band:
        add_band(figure, band, 100)
    figure.add_scatter(x=[0, 100], y=[0, 100], mode="lines", line={"color": FAINT, "dash": "dot"})
    figure.add_scatter(
        x=100 * (1 - curve.specificity),
        y=100 * curve.sensitivity,
        mode="lines",
        line={"color": ACCENT, "width": 2, "shape": "hv"},
        customdata=np.minimum(curve.thresholds, 1),
        hovertemplate="finds %{y:.0f} %, flags %{x:.0f} %, threshold %{customdata:.1%}",
    )
    if point:
        wrongly, found = wrongly_flagged(point), point.sensitivity
        figure.add_scatter(
            x=[100 * wrongly.value],
            y=[100 * found.value],
            mode="markers",
            marker=MARKER,
            error_x=_error_bars(wrongly),
            error_y=_error_bars(found),
            hovertemplate="this setting: finds %{y:.0f} %, flags %{x:.0f} %",
        )
    figure.update_traces(showlegend=False, name="")
    figure.update_xaxes(title="wrongly flagged (1 - specificity), %", range=SHARES, **AXIS)
    figure.update_yaxes(title="found (sensitivity), %", range=SHARES, **AXIS)
    return dress(figure)


def wrongly_flagged(point: OperatingPoint) -> Rate:
    """Of the films without the finding, how many are flagged: 1 - specificity."""
    left = point.specificity
    return Rate(1 - left.value, 1 - left.high, 1 - left.low, left.n)


def _error_bars(rate: Rate) -> dict[str, Any]:
    above, below = max(0, rate.high - rate.value), max(0, rate.value - rate.low)
    return BARS | {"array": [100 * above], "arrayminus": [100 * below]}


def precision_recall_figure(
    band: Band, point: OperatingPoint | None, prevalence: float
) -> go.Figure:
    """Precision at every sensitivity, the operating point, and flagging every film as a line."""
    figure = go.Figure()
    add_band(figure, band, 100)
    figure.add_hline(100 * prevalence, line={"color": FAINT, "dash": "dot"})
    figure.add_scatter(
        x=100 * band.x,
        y=100 * band.value,
        mode="lines",
        line={"color": ACCENT, "width": 2},
        hovertemplate="finds %{x:.0f} %, of those flagged %{y:.0f} % rightly",
    )
    if point:
        figure.add_scatter(
            x=[100 * point.sensitivity.value],
            y=[100 * point.precision.value],
            mode="markers",
            marker=MARKER,
            hovertemplate="this setting: finds %{x:.0f} %, of those flagged %{y:.0f} % rightly",
        )
    figure.update_traces(showlegend=False, name="")
    figure.update_xaxes(title="found (sensitivity), %", range=SHARES, **AXIS)
    figure.update_yaxes(title="right of those flagged, %", range=SHARES, **AXIS)
    return dress(figure)


def score_histogram(
    scores: Scores, names: tuple[str, str], threshold: float | None, *, logit: bool = False
) -> go.Figure:
    """Scores of films without and with the finding, and where they are cut.

    Args:
        names: The finding's negative and positive.
        logit: Draw log-odds, which spread out the films whose probability is near 0 or 1.
    """
    figure = go.Figure()
    ends = score_ends(logit)
    edges = np.linspace(*ends, BINS + 1)
    places = place_score(scores.probabilities, logit)
    films = [np.histogram(places[scores.labels == present], edges)[0] for present in (False, True)]
    for present, colour in ((False, MUTED), (True, ACCENT)):
        figure.add_bar(
            x=(edges[:-1] + edges[1:]) / 2,
            y=films[present],
            width=edges[1] - edges[0],
            name=names[int(present)],
            marker={"color": colour},
            opacity=0.65,
        )
    if threshold is not None:
        figure.add_vline(float(place_score(threshold, logit)), line={"color": POINT, "width": 2})
    title = "log-odds" if logit else "calibrated probability"
    figure.update_xaxes(title=title, range=ends, **AXIS)
    # Above the highest bar there is room for words.
    figure.update_yaxes(title="films", range=(0, 1.2 * np.max(films)), **AXIS)
    figure.update_layout(barmode="overlay", legend=LEGEND)
    return dress(figure)


def score_ends(logit: bool) -> tuple[float, float]:
    """Where the axis of scores starts and ends."""
    return (-LOGIT_END, LOGIT_END) if logit else (0, 1)


def place_score(values: np.ndarray | float, logit: bool) -> np.ndarray:
    """Probabilities on the axis of scores."""
    kept = np.clip(values, 1e-3, 1 - 1e-3)
    return np.log(kept / (1 - kept)) if logit else np.asarray(values)


def add_band(figure: go.Figure, band: Band, scale: float) -> None:
    """Shade what lies between a band's ends."""
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


def dress(figure: go.Figure, height: int = 300, margin: Mapping[str, int] = MARGIN) -> go.Figure:
    """Give a figure the look of all others; a legend only where it was given a place."""
    figure.update_layout(
        title={"x": 0, "font": {"size": 15}},
        height=height,
        margin=margin,
        font={"family": "Source Sans, sans-serif"},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        showlegend=figure.layout.legend.orientation is not None,
    )
    return figure
