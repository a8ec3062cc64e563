"""What a threshold means: the ROC point, the counts, and both in plain words."""

import streamlit as st

from cxrapp.bootstrap import Rate
from cxrapp.card import Finding, ModelCard
from cxrapp.charts import roc_figure
from cxrapp.decision import OperatingPoint, operating_point, roc


def show_consequences(card: ModelCard, finding: Finding, threshold: float) -> None:
    """The validation ROC at this threshold, and what that means in words and counts."""
    scores = card.scores("validation", finding.name)
    point = operating_point(scores.labels, scores.probabilities, threshold, scores.patients)
    auroc = card.metrics["validation"][finding.name]["auroc"]
    title = f"AUROC {auroc['value']:.3f} ({auroc['low']:.3f} to {auroc['high']:.3f})"
    figure = roc_figure(roc(scores.labels, scores.probabilities), point, title)
    st.plotly_chart(figure, key="roc", theme=None, config={"displayModeBar": False})
    st.markdown(
        f"Of 100 {card.population} with {finding.positive}, this setting finds "
        f"**{_per_100(point.sensitivity)}**. Of 100 with {finding.negative}, it wrongly flags "
        f"**{_per_100(_complement(point.specificity))}**."
    )
    st.caption(_counts_table(finding, point))
    st.caption(
        f"Validation: {len(scores.labels)} films on which this is asked, of "
        f"{card.cohorts['validation'].description}. 95 % intervals by patient."
    )
    _show_other_cohorts(card, finding, threshold)


def _show_other_cohorts(card: ModelCard, finding: Finding, threshold: float) -> None:
    """The same setting where it was not chosen: a clinic resembles these films no less."""
    for name in card.cohorts.keys() - {"validation"}:
        scores = card.scores(name, finding.name)
        point = operating_point(scores.labels, scores.probabilities, threshold, scores.patients)
        st.caption(
            f"On the {name} set ({len(scores.labels)} films, other {card.population}) the same "
            f"setting finds {_per_100(point.sensitivity)} and wrongly flags "
            f"{_per_100(_complement(point.specificity))} of 100."
        )


def _per_100(rate: Rate) -> str:
    return f"{100 * rate.value:.0f} ({100 * rate.low:.0f} to {100 * rate.high:.0f})"


def _complement(rate: Rate) -> Rate:
    return Rate(1 - rate.value, 1 - rate.high, 1 - rate.low, rate.n)


def _counts_table(finding: Finding, point: OperatingPoint) -> str:
    return (
        f"| films | flagged | not flagged |\n|---|--:|--:|\n"
        f"| {finding.positive} | {point.true_positives} | {point.false_negatives} |\n"
        f"| {finding.negative} | {point.false_positives} | {point.true_negatives} |\n"
    )
