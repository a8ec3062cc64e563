"""Maps as pictures: drawn once a film, because no threshold changes them."""

from dataclasses import dataclass

import numpy as np

from cxrapp.explain import Explanation
from cxrapp.explain.trust import LungEvidence
from cxrapp.figures.pictures import data_url, heat_picture, signed_picture
from cxrapp.films.preprocess import Preprocessing

MAP_SIDE = 320  # pixels of a map's long side; the browser smooths it over the film


@dataclass(frozen=True)
class Drawn:
    """An explanation and its pictures.

    Args:
        scale: Heat, of either sign, that has the full colour.
        pictures: One a finding, see-through, as data URLs.
        lungs: How much of it lies in the lungs; None where nobody looked for them.
    """

    explanation: Explanation
    scale: float
    pictures: tuple[str, ...]
    lungs: LungEvidence | None


def draw(
    explanation: Explanation, preprocessing: Preprocessing, lungs: LungEvidence | None = None
) -> Drawn:
    """Every map of an explanation, on one scale."""
    maps = explanation.maps
    scale = float(np.abs(maps).max())
    paint = signed_picture if explanation.method.signed else heat_picture
    heats = (preprocessing.to_image(one, (MAP_SIDE, MAP_SIDE)) for one in maps)
    pictures = tuple(data_url(paint(heat, scale, 1.0), "PNG") for heat in heats)
    return Drawn(explanation, scale, pictures, lungs)
