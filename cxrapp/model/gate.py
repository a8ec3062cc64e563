"""Does this film belong to the films the bundle knows? Accept, warn or refuse, with the reason.

What is written in the film (age, view, modality, body part) is read first; what it looks like is
judged by its distance from the training films, as the backbone sees them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from cxrapp.films.radiograph import Radiograph
from cxrapp.model.card import ModelCard

Outcome = Literal["accept", "warn", "refuse"]

XRAY_MODALITIES = ("CR", "DX", "DR")
FRONTAL_VIEWS = ("AP", "PA")
MIN_DETAIL = 128  # pixels of the shorter side; below this fine shadows are gone

UNCHECKED = "A mirrored film is not noticed: look at its side marker."  # true of every bundle

# What may be wrong with a film too far away -> what would mend it.
MENDS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "turned to the left": lambda pixels: np.rot90(pixels, -1),
    "turned to the right": lambda pixels: np.rot90(pixels),
    "upside down": lambda pixels: np.rot90(pixels, 2),
    "a negative, with black and white exchanged": lambda pixels: 1 - pixels,
}


@dataclass(frozen=True)
class Verdict:
    """Whether a film's result may be shown, and in words why not.

    Args:
        outcome: `warn` shows the result with the reasons; `refuse` shows the reasons alone.
        reasons: Sentences; none for an accepted film.
    """

    outcome: Outcome
    reasons: tuple[str, ...] = ()


def judge(
    card: ModelCard, film: Radiograph, distance: float, mended: Mapping[str, float]
) -> Verdict:
    """Weigh all there is to know about a film.

    Args:
        card: Of the bundle that is to score it.
        film: The film.
        distance: From the training films.
        mended: Entry of `MENDS` -> distance of the film so mended; may be empty.
    """
    refusals, warnings = [], []
    if film.modality and film.modality not in XRAY_MODALITIES:
        refusals.append(f"The file says it is not an X-ray film (modality {film.modality}).")
    if film.body_part and "CHEST" not in film.body_part:
        refusals.append(f"The file says it shows another body part ({film.body_part}).")
    if film.view and not film.view.startswith(FRONTAL_VIEWS):
        refusals.append(f"The file says it is not a frontal view ({film.view}).")
    elif film.view and not film.view.startswith(card.gate.views):
        warnings.append(
            f"A {film.view} view; this model knows {' and '.join(card.gate.views)} views."
        )
    age = film.age_years
    if age is not None and not any(low <= age < high + 1 for low, high in card.gate.ages):
        spans = " and ".join(f"{low:g} to {high:g}" for low, high in card.gate.ages)
        refusals.append(f"The patient is {age:.3g} years old; this model knows ages {spans}.")

    wrong = min(mended, key=mended.__getitem__, default=None)
    if wrong and mended[wrong] <= card.gate.warn < distance:
        refusals.append(f"It looks {wrong}.")
    elif distance > card.gate.refuse:
        refusals.append(f"It does not look like a frontal chest film of {card.population}.")
    elif distance > card.gate.warn:
        warnings.append(
            f"It looks unlike the films of {card.population} this model knows: another age, "
            "position or machine?"
        )
    height, width = film.full_shape or film.pixels.shape
    if min(height, width) < MIN_DETAIL:
        warnings.append(f"It has only {width} x {height} pixels: fine shadows are gone.")
    if refusals:
        return Verdict("refuse", (*refusals, *warnings))
    return Verdict("warn", tuple(warnings)) if warnings else Verdict("accept")
