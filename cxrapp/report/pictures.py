"""Film and heat maps as the pictures that reports show."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from cxrapp.figures.pictures import heat_picture, outline_picture, overlay_picture
from cxrapp.model.card import ModelCard
from cxrapp.model.lungs import Lungs
from cxrapp.report.release import FindingResult, Release

OPACITY = 0.5


@dataclass(frozen=True)
class HeatPanel:
    """A film with the heat map of one finding laid over it, and the outlines of its lungs.

    Args:
        picture: RGB.
        scale: Heat of the brightest colour, the same for all findings of the film.
        cells: (h, w) of the map before it was smoothed.
        empty: Nothing speaks for the finding anywhere.
    """

    result: FindingResult
    picture: Image.Image
    scale: float
    cells: tuple[int, int]
    empty: bool


def fit(picture: Image.Image, side: int) -> Image.Image:
    """A copy whose long side has at most `side` pixels."""
    small = picture.copy()
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    return small


def heat_panels(card: ModelCard, release: Release, side: int) -> list[HeatPanel]:
    """One panel a finding that was asked, long sides at most `side` pixels; may be none."""
    heats = release.heat_maps
    if heats is None:
        return []
    film, panels = fit(release.picture, side), []
    for result, grid in zip(release.results, heats.values, strict=False):
        heat = card.preprocessing.to_image(grid, (film.height, film.width))
        picture = _outline(overlay_picture(film, heat, heats.scale, OPACITY), release.lungs)
        panels.append(HeatPanel(result, picture, heats.scale, grid.shape, bool(grid.max() <= 0)))
    return panels


def _outline(picture: Image.Image, lungs: Lungs | None) -> Image.Image:
    """An RGB picture with the edges of the lungs drawn on it, where they are known."""
    if lungs is None:
        return picture
    masks = lungs.lay_over((picture.height, picture.width))
    width = max(1, max(picture.size) // 400)
    drawn = picture.convert("RGBA")
    drawn.alpha_composite(outline_picture(masks, width))
    return drawn.convert("RGB")


def colour_bar(width: int, height: int) -> Image.Image:
    """The scale of every heat map from nothing, left, to its brightest, as laid over black."""
    ramp = np.tile(np.linspace(0, 1, width, dtype=np.float32), (height, 1))
    bar = Image.new("RGBA", (width, height), (0, 0, 0, 255))
    bar.alpha_composite(heat_picture(ramp, 1, 1))
    return bar.convert("RGB")
