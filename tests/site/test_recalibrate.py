from datetime import date

import numpy as np
import pytest
from scipy.special import expit, logit

from cxrapp.model.bundle import Bundle
from cxrapp.site.assess import assess
from cxrapp.site.recalibrate import recalibrate
from cxrapp.statistics.recalibration import fit_site_calibration

DAY = date(2026, 1, 2)


def test_a_recalibrated_card_says_what_is_so_and_decides_as_before(bundle: Bundle) -> None:
    card, rng = bundle.card, np.random.default_rng(3)
    logits = rng.normal(0, 2, 600)
    stated = logit(card.calibrations[0].probability(logits))
    labels = (rng.random(600) < expit(0.6 * stated - 1)).astype(float)
    report = assess(card, "pneumonia", labels, logits, np.arange(600))
    right = recalibrate(card, [report], DAY)
    scores = card.cohorts["test"].scores(0, card.calibrations[0])
    again = right.cohorts["test"].scores(0, right.calibrations[0])
    for before, after in zip(
        card.default_thresholds().values(), right.default_thresholds().values(), strict=True
    ):
        if before != after:
            assert np.array_equal(scores.probabilities >= before, again.probabilities >= after)
    here = fit_site_calibration(
        scores.__class__(labels == 1, right.calibrations[0].probability(logits), np.arange(600))
    )
    assert here.slope.value == pytest.approx(1, abs=1e-3)
    assert here.intercept.value == pytest.approx(0, abs=1e-3)
    assert right.calibrations[1] == card.calibrations[1]
    assert "recalibrated on 600 films" in right.limits[-1]


def test_where_no_line_fits_there_is_no_card(bundle: Bundle) -> None:
    logits = np.repeat([-3.0, 3.0], 30)
    report = assess(bundle.card, "pneumonia", (logits > 0).astype(float), logits, np.arange(60))
    assert recalibrate(bundle.card, [report], DAY) is None
