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


@pytest.mark.parametrize(("films", "spread"), [(300, 0.0), (99, 5.0)], ids=["no line", "few"])
def test_where_no_line_fits_or_films_are_few_there_is_no_card(
    bundle: Bundle, films: int, spread: float
) -> None:
    labels = np.repeat([0.0, 1.0], films)
    logits = 6 * labels - 3 + np.random.default_rng(3).normal(0, spread, 2 * films)
    report = assess(bundle.card, "pneumonia", labels, logits, np.arange(2 * films))
    assert recalibrate(bundle.card, [report], DAY) is None
    assert (report.calibration.slope is None) == (not spread)
