import numpy as np
import pytest
from scipy.special import expit

from cxrapp.statistics.recalibration import _draws, _fit_line, _newton, fit_site_calibration
from tests.site.clinic import simulate


def test_recalibration_finds_the_line_the_films_were_drawn_from() -> None:
    labels, log_odds = simulate(0, 5_000)
    fitted = fit_site_calibration(labels, log_odds, np.arange(5_000))
    assert fitted.slope.value == pytest.approx(0.7, abs=0.05)
    assert fitted.intercept.value == pytest.approx(-0.8, abs=0.1)
    assert fitted.in_the_large.low < fitted.in_the_large.value < fitted.in_the_large.high < 0
    shifted = expit(log_odds + fitted.in_the_large.value).mean()
    assert shifted == pytest.approx(labels.mean(), abs=1e-4)
    assert fitted.stated == pytest.approx(expit(log_odds).mean())


def test_intervals_of_the_recalibration_cover_the_truth() -> None:
    covered = {"slope": 0, "intercept": 0}
    for seed in range(24):
        fitted = fit_site_calibration(*simulate(seed, 200), np.arange(200))
        covered["slope"] += fitted.slope.low <= 0.7 <= fitted.slope.high
        covered["intercept"] += fitted.intercept.low <= -0.8 <= fitted.intercept.high
    assert min(covered.values()) >= 20  # P(fewer of 24 at 95 %) is 0.006


def test_lines_of_the_resamples_are_those_of_scikit_learn() -> None:
    labels, log_odds = simulate(1, 60)
    drawn = _draws(labels, np.arange(60))[:25]
    quick = _newton(labels, log_odds, drawn, (1.0, 0.0))
    for line, weights in zip(quick, drawn, strict=True):
        assert line == pytest.approx(_fit_line(labels, log_odds, weights), rel=1e-3, abs=1e-3)


def test_copies_of_a_film_do_not_narrow_the_slope() -> None:
    labels, log_odds = simulate(3, 100)
    once = fit_site_calibration(labels, log_odds, np.arange(100)).slope
    copied = [np.repeat(values, 3) for values in (labels, log_odds, np.arange(100))]
    by_patient = fit_site_calibration(*copied).slope
    by_film = fit_site_calibration(*copied[:2], np.arange(300)).slope
    assert by_patient.high - by_patient.low == pytest.approx(once.high - once.low, rel=0.01)
    assert by_film.high - by_film.low < 0.8 * (once.high - once.low)
