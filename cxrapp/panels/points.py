"""What a threshold does on a card's films: asked for at several places of a page, counted once."""

import streamlit as st

from cxrapp.model.card import ModelCard
from cxrapp.server.bundles import BY_DIGEST
from cxrapp.statistics.operating_point import OperatingPoint, operating_point


@st.cache_resource(max_entries=5000, show_spinner=False, hash_funcs=BY_DIGEST)
def point_at(card: ModelCard, cohort: str, finding: str, threshold: float) -> OperatingPoint:
    """What a threshold does on one cohort of the card."""
    return operating_point(card.scores(cohort, finding), threshold)
