"""Where the setting is drawn over the figures."""

import re

import numpy as np
import pytest

from cxrapp.model.bundle import Bundle
from cxrapp.model.decision import Setting
from cxrapp.panels.curve_overlay import precision_setting, roc_setting, scores_setting
from cxrapp.statistics.operating_point import OperatingPoint, operating_point


def drawn(html: str) -> list[dict[str, float]]:
    """The parts, each with its places in per cent of the plot."""
    parts = re.findall(r"<i [^>]*>", html)
    return [
        {name: float(value) for name, value in re.findall(r"([a-z]+): ([-\d.]+)%", part)}
        for part in parts
    ]


@pytest.fixture
def point(bundle: Bundle) -> OperatingPoint:
    return operating_point(bundle.card.scores("test", "viral"), 0.5)


def share(per_cent: float) -> float:
    """On an axis from -3 to 103."""
    return (3 + per_cent) / 1.06


def test_the_dot_and_its_intervals_stand_at_the_operating_point(point: OperatingPoint) -> None:
    across, upright, dot = drawn(roc_setting(point))
    found, left = point.sensitivity, point.specificity
    assert dot["left"] == pytest.approx(share(100 - 100 * left.value), abs=0.01)
    assert dot["bottom"] == pytest.approx(share(100 * found.value), abs=0.01)
    assert across["left"] == pytest.approx(share(100 - 100 * left.high), abs=0.01)
    assert across["width"] == pytest.approx(100 * (left.high - left.low) / 1.06, abs=0.01)
    assert upright["bottom"] == pytest.approx(share(100 * found.low), abs=0.01)
    assert upright["height"] == pytest.approx(100 * (found.high - found.low) / 1.06, abs=0.01)
    assert (across["bottom"], upright["left"]) == (dot["bottom"], dot["left"])


def test_precision_stands_over_sensitivity(point: OperatingPoint) -> None:
    (dot,) = drawn(precision_setting(point))
    assert dot["left"] == pytest.approx(share(100 * point.sensitivity.value), abs=0.01)
    assert dot["bottom"] == pytest.approx(share(100 * point.precision.value), abs=0.01)


def test_where_nothing_is_flagged_there_is_no_precision(bundle: Bundle) -> None:
    nobody = operating_point(bundle.card.scores("test", "viral"), 1.1)
    assert np.isnan(nobody.precision.value)
    assert drawn(precision_setting(nobody)) == []


@pytest.mark.parametrize("logit", [False, True])
def test_band_threshold_and_film_keep_their_order(logit: bool) -> None:
    band, threshold, film, words = drawn(scores_setting(Setting(0.7, 0.4), 0.5, logit=logit))
    half = np.log(7 / 3) / 14 if logit else 0.2
    assert threshold["left"] == pytest.approx(50 + 100 * half, abs=0.01)
    assert band["left"] + band["width"] == pytest.approx(threshold["left"], abs=0.02)
    assert band["left"] < film["left"] == words["left"] == 50 < threshold["left"]


def test_words_of_a_film_at_the_end_stay_inside() -> None:
    *_, words = drawn(scores_setting(Setting(0.5), 0.99))
    assert "left" not in words
    assert words["right"] == pytest.approx(1)
