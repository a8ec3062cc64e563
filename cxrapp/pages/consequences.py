"""What a threshold does, at once and everywhere: curves, counts, and outcomes per 1,000."""

import plotly.graph_objects as go
import streamlit as st

from cxrapp.bootstrap import Rate
from cxrapp.card import Finding, ModelCard
from cxrapp.charts import precision_recall_figure, roc_figure, score_histogram
from cxrapp.curves import Band, precision_recall_band, roc_band
from cxrapp.decision import OperatingPoint, operating_point, roc
from cxrapp.outcomes import Outcomes, outcomes
from cxrapp.pages.desk import Desk
from cxrapp.pages.widgets import PLAIN, showing, themed

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


def show_consequences(
    desk: Desk, card: ModelCard, finding: Finding, cohort: str, film: float | None
) -> None:
    """Everything that hangs on the finding's threshold.

    Args:
        cohort: Of the card.
        film: The probability of the film on the viewer; None while it is not to be seen.
    """
    setting = desk.setting(card, finding.name)
    scores = card.scores(cohort, finding.name)
    point = operating_point(scores.labels, scores.probabilities, setting.threshold, scores.patients)
    roc_cell, precision_cell, scores_cell, counts_cell = st.columns([1, 1, 1, 1.25])
    roc_curve, precision = _bands(card, card.sha256, cohort, finding.name)
    curve = roc(scores.labels, scores.probabilities)
    _draw(roc_cell, "roc", roc_figure(curve, point, "", roc_curve), f"ROC, area {curve.auroc:.3f}")
    prevalence = float(scores.labels.mean())
    _draw(
        precision_cell,
        "precision",
        precision_recall_figure(precision, point, prevalence, ""),
        f"Precision and recall, where {100 * prevalence:.0f} % have it",
    )
    histogram = score_histogram(
        scores.labels,
        scores.probabilities,
        (finding.negative, finding.positive),
        setting.threshold,
        abstain_from=setting.abstain_from,
        film=film,
        logit=st.session_state.get("scale") == "Logit",
    )
    _draw(scores_cell, "scores", histogram, "Scores of films without and with it")
    with counts_cell.container(key="outcomes"):
        _show_outcomes(desk, card, finding, cohort)
    st.caption(_counts(card, finding, cohort, point))


def choose_cohort(card: ModelCard) -> str:
    """Whose films the consequences are counted on."""
    return st.segmented_control(
        "Measured on",
        list(card.cohorts),
        default=next(iter(card.cohorts)),
        required=True,
        key="cohort",
        format_func=lambda name: f"On {name} films",
        label_visibility="collapsed",
        width="stretch",
    )


@st.cache_resource(max_entries=32, show_spinner=False)
def _bands(_card: ModelCard, sha256: str, cohort: str, finding: str) -> tuple[Band, Band]:
    """The bands do not hang on the threshold and take a second: kept."""
    scores = _card.scores(cohort, finding)
    films = (scores.labels, scores.probabilities, scores.patients)
    return roc_band(*films), precision_recall_band(*films)


def _draw(cell: st.delta_generator.DeltaGenerator, key: str, figure: go.Figure, title: str) -> None:
    figure.update_layout(height=HEIGHT, margin={"l": 44, "r": 6, "t": 18, "b": 36})
    for axes in (figure.layout.xaxis, figure.layout.yaxis):
        axes.title.font.size = 11
    cell.caption(title, help=HELP[key])
    cell.plotly_chart(themed(figure), key=key, config=PLAIN)


def _show_outcomes(desk: Desk, card: ModelCard, finding: Finding, cohort: str) -> None:
    """What happens to 1,000 patients, of whom as many are ill as the reader says."""
    setting = desk.setting(card, finding.name)
    key = f"prevalence {finding.name} {card.sha256}"
    share = round(100 * setting.share, 1)
    whom = f"{card.population} with {finding.given}" if finding.given else card.population
    st.number_input(
        f"Of 100 {whom} seen here, how many have {finding.positive}?",
        0.1,
        99.9,
        step=1.0,
        help="PPV: of those flagged, how many have it. NPV: of those not flagged, how many do not. "
        "Both hang on how common it is where you work, sensitivity and specificity do not.",
        format="%.1f",
        on_change=lambda: desk.change(card, finding.name, prevalence=st.session_state[key] / 100),
        **showing(key, share),
    )
    counted = outcomes(
        card.scores(cohort, finding.name),
        setting.share,
        setting.threshold,
        setting.abstain_from,
    )
    st.markdown(_outcomes_table(counted, band=setting.abstain_from is not None))


def _outcomes_table(counted: Outcomes, *, band: bool) -> str:
    rows = {
        "found": counted.found,
        "missed": counted.missed,
        "false alarms": counted.false_alarms,
        "rightly left alone": counted.cleared,
        **({"undecided, both kinds": counted.undecided} if band else {}),
    }
    lines = [
        f"| {name} | **{r.value:.0f}** | {r.low:.0f} to {r.high:.0f} |" for name, r in rows.items()
    ]
    shares = {"PPV": counted.ppv, "NPV": counted.npv}
    lines += [
        f"| {name} | **{100 * r.value:.1f} %** | {100 * r.low:.1f} to {100 * r.high:.1f} |"
        for name, r in shares.items()
    ]
    return "\n".join(["| of 1,000 | | 95 % interval |", "|---|--:|--:|", *lines])


def _counts(card: ModelCard, finding: Finding, cohort: str, point: OperatingPoint) -> str:
    """The 2 x 2 table in one line, with its rates."""
    return (
        f"{cohort.capitalize()}, {card.cohorts[cohort].description}. With {finding.positive}: "
        f"**{point.true_positives} flagged, {point.false_negatives} not** (sensitivity "
        f"{_percents(point.sensitivity)}). With {finding.negative}: **{point.false_positives} "
        f"flagged, {point.true_negatives} not** (specificity {_percents(point.specificity)}). "
        "95 % intervals by patient."
    )


def _percents(rate: Rate) -> str:
    return f"{100 * rate.value:.1f} %, {100 * rate.low:.1f} to {100 * rate.high:.1f}"
