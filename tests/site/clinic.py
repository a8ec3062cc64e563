"""A clinic's own films, made up, and some of a shipped bundle's test in their place."""

from datetime import date
from functools import cache

import numpy as np
from scipy.special import expit

from cxrapp.model.bundle import WEIGHTS
from cxrapp.model.card_file import load_card
from cxrapp.model.scores import Scores
from cxrapp.site.assess import SiteReport, assess

CARD = load_card(WEIGHTS / "pneumonia.json")
TODAY = date(2025, 3, 1)


def simulate(seed: int, films: int = 300, slope: float = 0.7, intercept: float = -0.8) -> Scores:
    """Labels whose log-odds are intercept + slope * the log-odds stated; one film a patient."""
    generator = np.random.default_rng(seed)
    log_odds = 2.5 * generator.standard_normal(films)
    labels = generator.random(films) < expit(intercept + slope * log_odds)
    return Scores(labels, expit(log_odds), np.arange(films))


@cache
def real(every: int) -> SiteReport:
    """Every so manieth test film of a shipped bundle as a clinic's own."""
    films = CARD.cohorts["test"].subset(np.arange(624) % every == 0)
    return assess(CARD, "pneumonia", films.labels[:, 0], films.logits[:, 0], films.patients)
