"""Curves and scores with one setting among them, which moves without the rest being drawn anew.

Building a figure takes Plotly some 10 ms, moving its marker a tenth of that. No Streamlit.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from cxrapp.bootstrap import Rate
from cxrapp.curves import Band
from cxrapp.decision import OperatingPoint, Roc
from cxrapp.figures import ACCENT, AXIS, FAINT, LEGEND, MARGIN, MUTED, POINT, dress

FADED = "rgba(13, 148, 136, 0.18)"  # ACCENT, for bands
MARKER = {"size": 13, "color": POINT, "line": {"color": "white", "width": 2}}
BARS = {"type": "data", "color": POINT, "thickness": 1.5, "width": 4}
LOGIT_END = 7
BINS = 25  # of scores


def roc_figure(
    curve: Roc, point: OperatingPoint, title: str, band: Band | None = None
) -> go.Figure:
    """The ROC curve with the operating point, and its intervals as error bars."""
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
        hovertemplate="finds %{y:.0f} %, flags %{x:.0f} %, threshold %{customdata:.3f}",
    )
    figure.add_scatter(
        mode="markers",
        marker=MARKER,
        error_y=BARS,
        error_x=BARS,
        hovertemplate="this setting: finds %{y:.0f} %, flags %{x:.0f} %",
    )
    move_on_roc(figure, point)
    figure.update_traces(showlegend=False, name="")
    figure.update_xaxes(title="wrongly flagged (1 - specificity), %", range=[-3, 103], **AXIS)
    figure.update_yaxes(title="found (sensitivity), %", range=[-3, 103], **AXIS)
    return dress(figure, title, 300, margin=MARGIN)


def move_on_roc(figure: go.Figure, point: OperatingPoint) -> None:
    """Put the marker of a `roc_figure` at another setting."""
    marker, flagged = figure.data[-1], point.specificity
    wrongly = Rate(1 - flagged.value, 1 - flagged.high, 1 - flagged.low, flagged.n)
    for axis, rate in (("x", wrongly), ("y", point.sensitivity)):
        marker[axis] = [100 * rate.value]
        marker[f"error_{axis}"].array = [100 * max(0, rate.high - rate.value)]
        marker[f"error_{axis}"].arrayminus = [100 * max(0, rate.value - rate.low)]


def precision_recall_figure(
    band: Band, point: OperatingPoint, prevalence: float, title: str
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
    figure.add_scatter(
        mode="markers",
        marker=MARKER,
        hovertemplate="this setting: finds %{x:.0f} %, of those flagged %{y:.0f} % rightly",
    )
    move_on_precision(figure, point)
    figure.update_traces(showlegend=False, name="")
    figure.update_xaxes(title="found (sensitivity), %", range=[-3, 103], **AXIS)
    figure.update_yaxes(title="right of those flagged, %", range=[-3, 103], **AXIS)
    return dress(figure, title, 300, margin=MARGIN)


def move_on_precision(figure: go.Figure, point: OperatingPoint) -> None:
    """Put the marker of a `precision_recall_figure` at another setting."""
    marker = figure.data[-1]
    marker.x, marker.y = [100 * point.sensitivity.value], [100 * point.precision.value]


@dataclass(frozen=True)
class Cut:
    """Where scores are cut.

    Args:
        abstain_from: Where a band begins that ends at the threshold.
        film: The probability of one film, to show among the scores.
    """

    threshold: float
    abstain_from: float | None = None
    film: float | None = None


def score_histogram(
    labels: np.ndarray,
    probabilities: np.ndarray,
    names: tuple[str, str],
    cut: Cut,
    *,
    logit: bool = False,
) -> go.Figure:
    """Scores of films without and with the finding, and where they are cut.

    Args:
        labels: (N,) bool.
        probabilities: (N,) float64.
        names: The finding's negative and positive.
        logit: Draw log-odds, which spread out the films whose probability is near 0 or 1.
    """
    figure = go.Figure()
    ends = (-LOGIT_END, LOGIT_END) if logit else (0, 1)
    edges = np.linspace(*ends, BINS + 1)
    places = _place(probabilities, logit)
    # Counted here: a browser would count all films again at every move.
    films = [np.histogram(places[labels == present], edges)[0] for present in (False, True)]
    for present, colour in ((False, MUTED), (True, ACCENT)):
        figure.add_bar(
            x=(edges[:-1] + edges[1:]) / 2,
            y=films[present],
            width=edges[1] - edges[0],
            name=names[int(present)],
            marker={"color": colour},
            opacity=0.65,
        )
    cut_scores(figure, cut, logit=logit)
    title = "log-odds" if logit else "calibrated probability"
    figure.update_xaxes(title=title, range=ends, **AXIS)
    # Above the highest bar there is room for words.
    figure.update_yaxes(title="films", range=(0, 1.2 * np.max(films)), **AXIS)
    figure.update_layout(barmode="overlay", legend=LEGEND)
    return dress(figure, "", 300, margin=MARGIN)


def cut_scores(figure: go.Figure, cut: Cut, *, logit: bool = False) -> None:
    """Cut the scores of a `score_histogram` elsewhere."""
    shapes, words = [], []
    threshold = float(_place(cut.threshold, logit))
    if cut.abstain_from is not None:
        low = float(_place(cut.abstain_from, logit))
        band = {"type": "rect", "fillcolor": POINT, "opacity": 0.15, "line": {"width": 0}}
        shapes.append(band | _upright(low, threshold))
    shapes.append(_upright(threshold, threshold) | {"line": {"color": POINT, "width": 2}})
    if cut.film is not None:
        film = float(_place(cut.film, logit))
        line = {"color": MUTED, "width": 2, "dash": "dash"}
        shapes.append(_upright(film, film) | {"line": line})
        side = "right" if film > (0 if logit else 0.5) else "left"
        top = {"yref": "y domain", "y": 1, "yanchor": "top", "showarrow": False}
        words.append(top | {"text": "this film", "x": film, "xanchor": side})
    figure.layout.shapes, figure.layout.annotations = shapes, words


def _place(values: np.ndarray | float, logit: bool) -> np.ndarray:
    """Probabilities on the histogram's axis."""
    kept = np.clip(values, 1e-3, 1 - 1e-3)
    return np.log(kept / (1 - kept)) if logit else np.asarray(values)


def _upright(low: float, high: float) -> dict[str, Any]:
    """From the bottom of the plot to its top."""
    return {"x0": low, "x1": high, "yref": "y domain", "y0": 0, "y1": 1}


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
