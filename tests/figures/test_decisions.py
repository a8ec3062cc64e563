from itertools import combinations

import numpy as np
import pytest

from cxrapp.figures.decisions import LOOKS, shown_as
from cxrapp.model.card import Finding
from cxrapp.words import outcome_words

# Machado, Oliveira, Fernandes (2009), table 1, severity 1: linear RGB as it is seen.
SEEN = {
    "all colours": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
BACKGROUNDS = {"dark": ("#10151c", "#1b232e"), "light": ("#ffffff", "#f1f5f9")}
DISTINCT = 18  # CIE76; 2.3 is just seen between patches side by side


def linear(colour: str) -> np.ndarray:
    """(3,) float64 in [0, 1], of #rrggbb."""
    coded = np.array([int(colour[n : n + 2], 16) for n in (1, 3, 5)]) / 255
    return np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)


def lab(light: np.ndarray) -> np.ndarray:
    """Linear RGB as CIELAB, D65."""
    parts = TO_XYZ @ np.clip(light, 0, 1) / [0.95047, 1, 1.08883]
    x, y, z = np.where(parts > 216 / 24389, np.cbrt(parts), (24389 / 27 * parts + 16) / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def contrast(one: str, other: str) -> float:
    low, high = sorted(float(TO_XYZ[1] @ linear(colour)) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", BACKGROUNDS)
@pytest.mark.parametrize("eye", SEEN)
def test_every_two_decisions_look_different_to_every_eye(theme: str, eye: str) -> None:
    seen = [lab(np.array(SEEN[eye]) @ linear(getattr(look, theme))) for look in LOOKS.values()]
    assert min(np.linalg.norm(a - b) for a, b in combinations(seen, 2)) > DISTINCT


@pytest.mark.parametrize("theme", BACKGROUNDS)
def test_every_decision_can_be_read(theme: str) -> None:
    for look in LOOKS.values():
        assert min(contrast(getattr(look, theme), b) for b in BACKGROUNDS[theme]) >= 4.5


def test_every_decision_has_a_sign_of_its_own() -> None:
    assert len({look.sign for look in LOOKS.values()}) == len(LOOKS)


def test_no_to_a_question_that_a_yes_has_led_to_is_no_all_clear() -> None:
    ill = Finding("pneumonia", "pneumonia", "no pneumonia")
    kind = Finding("viral", "viral pneumonia", "bacterial pneumonia", given="pneumonia")
    assert (shown_as(ill, "negative"), shown_as(kind, "negative")) == ("negative", "not asked")
    assert shown_as(kind, "positive") == "positive"
    assert outcome_words(ill, "negative") == ("negative", "no pneumonia")
    assert outcome_words(kind, "negative") == ("rather bacterial pneumonia", "")
