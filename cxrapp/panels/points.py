"""What a threshold does on a card's films: asked for at several places of a page, counted once."""

import streamlit as st

from cxrapp.model.card import ModelCard
from cxrapp.statistics.operating_point import OperatingPoint, operating_point


def point_at(card: ModelCard, cohort: str, finding: str, threshold: float) -> OperatingPoint:
    """What a threshold does on one cohort of the card."""
    return _count(card, card.sha256, cohort, finding, threshold)


@st.cache_resource(max_entries=5000, show_spinner=False)
def _count(
    _card: ModelCard, sha256: str, cohort: str, finding: str, threshold: float
) -> OperatingPoint:
    return operating_point(_card.scores(cohort, finding), threshold)
