from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from cxrapp.statistics.bootstrap import film_weights
from cxrapp.statistics.recalibration import _fit_line, _newton, fit_site_calibration
from tests.site.clinic import simulate


def test_recalibration_finds_the_line_the_films_were_drawn_from() -> None:
    scores = simulate(0, 3_000)
    fitted = fit_site_calibration(scores)
    assert fitted.slope.value == pytest.approx(0.7, abs=0.05)
    assert fitted.intercept.value == pytest.approx(-0.8, abs=0.1)
    assert fitted.in_the_large.low < fitted.in_the_large.value < fitted.in_the_large.high < 0
    shifted = expit(scores.log_odds + fitted.in_the_large.value).mean()
    assert shifted == pytest.approx(scores.labels.mean(), abs=1e-4)
    assert fitted.stated == pytest.approx(scores.probabilities.mean())


def test_lines_of_the_resamples_are_those_of_scikit_learn() -> None:
    scores = simulate(1, 60)
    films, drawn = (scores.labels, scores.log_odds), film_weights(scores.patients)[:25]
    quick = _newton(*films, drawn, (1.0, 0.0))
    for line, weights in zip(quick, drawn, strict=True):
        assert line == pytest.approx(_fit_line(*films, weights), rel=1e-3, abs=1e-3)


def test_copies_of_a_film_do_not_narrow_the_slope() -> None:
    scores = simulate(3, 100)
    once = fit_site_calibration(scores).slope
    copied = scores.subset(np.repeat(np.arange(100), 3))
    by_patient = fit_site_calibration(copied).slope
    by_film = fit_site_calibration(replace(copied, patients=np.arange(300))).slope
    assert by_patient.high - by_patient.low == pytest.approx(once.high - once.low, rel=0.01)
    assert by_film.high - by_film.low < 0.8 * (once.high - once.low)
