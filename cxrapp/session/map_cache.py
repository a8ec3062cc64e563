"""Maps as pictures: drawn once a film, because no threshold changes them."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

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

    def picture(one: np.ndarray) -> Image.Image:
        heat = preprocessing.to_image(one, (MAP_SIDE, MAP_SIDE))
        if explanation.method.signed:
            return signed_picture(heat, scale, 1.0)
        return heat_picture(heat, scale, 1.0)

    pictures = tuple(data_url(picture(one), "PNG") for one in maps)
    return Drawn(explanation, scale, pictures, lungs)
