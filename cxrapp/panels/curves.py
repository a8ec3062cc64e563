"""The three figures of one finding: built once, and the setting laid over them."""

import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cxrapp.figures.charts import precision_recall_figure, roc_figure, score_histogram
from cxrapp.model.card import Finding, ModelCard
from cxrapp.panels.curve_overlay import LEGEND_MARGIN, MARGIN
from cxrapp.panels.widgets import NO_TOOLBAR, is_dark, themed
from cxrapp.server.bundles import BY_DIGEST
from cxrapp.session.session import Session
from cxrapp.statistics.curves import Band, precision_recall_band, roc, roc_band

HELP = {
    "roc": "Found (sensitivity): of 100 films with the finding, how many this setting flags. "
    "Wrongly flagged: of 100 without it, how many it flags all the same; 100 minus that is the "
    "specificity. The dot is your setting, the line all others.",
    "precision": "Of the films flagged, how many have the finding (precision, PPV), for every "
    "share found. It hangs on how common the finding is among these films; the counts "
    "above work it out for your patients.",
    "scores": "Where the scores of films with and without the finding lie, where your threshold "
    "cuts them, and where this film's score is among them.",
}


def show_curve(
    heading: DeltaGenerator,
    session: Session,
    card: ModelCard,
    finding: Finding,
    cohort: str,
    key: str,
    setting: str,
) -> None:
    """One figure of the finding, and the reader's setting over it.

    Args:
        heading: Where its title goes.
        cohort: Of the card.
        key: Of `HELP`.
        setting: From `curve_overlay`.
    """
    title, figure = _build(card, finding, cohort, session.logit, is_dark())[key]
    heading.caption(title, help=HELP[key])
    with st.container(key=f"curve-{key}"):
        st.plotly_chart(figure, key=key, config=NO_TOOLBAR, height="stretch")
        st.html(setting)


@st.cache_resource(max_entries=64, show_spinner=False, hash_funcs=BY_DIGEST)
def _build(
    card: ModelCard, finding: Finding, cohort: str, logit: bool, dark: bool
) -> dict[str, tuple[str, go.Figure]]:
    """Name -> title and figure, in this theme's colours and without a setting."""
    scores = card.scores(cohort, finding.name)
    bands = _bands(card, cohort, finding.name)
    curve = roc(scores)
    prevalence = float(scores.labels.mean())
    names = (finding.negative, finding.positive)
    figures = {
        "roc": (f"ROC, area {curve.auroc:.3f}", roc_figure(curve, None, bands[0])),
        "precision": (
            f"Precision and recall, where {100 * prevalence:.0f} % have it",
            precision_recall_figure(bands[1], None, prevalence),
        ),
        "scores": (
            "Scores of films without and with it",
            score_histogram(scores, names, None, logit=logit),
        ),
    }
    for _, figure in figures.values():
        margin = LEGEND_MARGIN if figure.layout.showlegend else MARGIN
        # As high as its container, which style.py measures.
        figure.update_layout(height=None, margin=margin, dragmode=False)
        for axes in (figure.layout.xaxis, figure.layout.yaxis):
            axes.title.update(font_size=11, standoff=4)
            # What is laid over the plot must know where it is.
            axes.automargin, axes.fixedrange = False, True
        themed(figure)
    return figures


@st.cache_resource(max_entries=32, show_spinner=False, hash_funcs=BY_DIGEST)
def _bands(card: ModelCard, cohort: str, finding: str) -> tuple[Band, Band]:
    """The bands take a second, and are everybody's."""
    scores = card.scores(cohort, finding)
    return roc_band(scores), precision_recall_band(scores)
