"""The three figures of one finding: built once a session, then only their setting is moved."""

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cxrapp.card import Finding, ModelCard
from cxrapp.curves import Band, precision_recall_band, roc_band
from cxrapp.decision import OperatingPoint, roc
from cxrapp.pages.points import point_at
from cxrapp.pages.widgets import PLAIN, is_dark, themed
from cxrapp.setting_charts import (
    Cut,
    cut_scores,
    move_on_precision,
    move_on_roc,
    precision_recall_figure,
    roc_figure,
    score_histogram,
)

HEIGHT = 205
HELP = {
    "roc": "Found (sensitivity): of 100 films with the finding, how many this setting flags. "
    "Wrongly flagged: of 100 without it, how many it flags all the same; 100 minus that is the "
    "specificity. The dot is your setting, the line all others.",
    "precision": "Of the films flagged, how many have the finding (precision, PPV), for every "
    "share found. It hangs on how common the finding is among these films; the table on the "
    "right works it out for your patients.",
    "scores": "Where the scores of films with and without the finding lie, where your threshold "
    "cuts them, and where this film's score is among them.",
}


@dataclass(frozen=True)
class Curves:
    """The figures, and what is written over each."""

    roc: go.Figure
    precision: go.Figure
    scores: go.Figure
    titles: dict[str, str]


def show_curves(
    cells: Sequence[DeltaGenerator],
    card: ModelCard,
    finding: Finding,
    cohort: str,
    point: OperatingPoint,
    cut: Cut,
) -> None:
    """ROC, precision and recall, and scores, each in its cell.

    Args:
        cohort: Of the card.
        point: What the setting does there.
        cut: The setting, and where the film on the viewer lies.
    """
    logit = st.session_state.get("scale") == "Logit"
    curves = _build(card, finding, card.sha256, cohort, finding.name, logit, is_dark())
    move_on_roc(curves.roc, point)
    move_on_precision(curves.precision, point)
    cut_scores(curves.scores, cut, logit=logit)
    for cell, (key, title) in zip(cells, curves.titles.items(), strict=True):
        cell.caption(title, help=HELP[key])
        cell.plotly_chart(getattr(curves, key), key=key, config=PLAIN)


# Of a session, because every reader's marker stands elsewhere.
@st.cache_resource(scope="session", max_entries=8, show_spinner=False)
def _build(
    _card: ModelCard,
    _finding: Finding,
    sha256: str,
    cohort: str,
    finding: str,
    logit: bool,
    dark: bool,
) -> Curves:
    """The figures in this theme's colours; the setting they begin with is moved before use."""
    scores = _card.scores(cohort, finding)
    start, cut = point_at(_card, cohort, finding, 0.5), Cut(0.5)
    bands = _bands(_card, sha256, cohort, finding)
    curve = roc(scores.labels, scores.probabilities)
    prevalence = float(scores.labels.mean())
    names = (_finding.negative, _finding.positive)
    figures = {
        "roc": roc_figure(curve, start, "", bands[0]),
        "precision": precision_recall_figure(bands[1], start, prevalence, ""),
        "scores": score_histogram(scores.labels, scores.probabilities, names, cut, logit=logit),
    }
    for figure in figures.values():
        figure.update_layout(height=HEIGHT, margin={"l": 44, "r": 6, "t": 18, "b": 42})
        for axes in (figure.layout.xaxis, figure.layout.yaxis):
            axes.title.update(font_size=11, standoff=4)
            axes.automargin = False  # margins that fit are set; to find them costs a second drawing
        themed(figure)
    titles = {
        "roc": f"ROC, area {curve.auroc:.3f}",
        "precision": f"Precision and recall, where {100 * prevalence:.0f} % have it",
        "scores": "Scores of films without and with it",
    }
    return Curves(**figures, titles=titles)


@st.cache_resource(max_entries=32, show_spinner=False)
def _bands(_card: ModelCard, sha256: str, cohort: str, finding: str) -> tuple[Band, Band]:
    """The bands take a second, and are everybody's."""
    scores = _card.scores(cohort, finding)
    films = (scores.labels, scores.probabilities, scores.patients)
    return roc_band(*films), precision_recall_band(*films)
