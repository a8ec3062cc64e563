"""Phone photographs of a film, made: on a light box or a screen, in a room, at an angle.

None were at hand. What is made here is what such photographs are known for: perspective, the room
around the film, light that falls off, glare, the screen's raster, a cast of colour, noise and JPEG.
"""

import io
from typing import NamedTuple

import numpy as np
from PIL import Image

from cxrapp.films.preprocess import Preprocessing

LONG, SHORT = 512, 384  # pixels of the photograph
EDGE = (0.03, 0.18)  # of the photograph's side: how far from its corner each of the film's lies
CAST = 0.12  # of red against blue, either way; green by half as much
RASTER = 0.12  # depth of a screen's raster
GLARE = 0.6  # the brightest of a reflection, share of full white
GRAIN = (0.005, 0.03)  # deviation of the noise, share of full scale
QUALITY = (60, 93)  # of JPEG; the second is never drawn


class Photograph(NamedTuple):
    """A JPEG file, and whether it is of a screen; else it is of a light box."""

    file: bytes
    screen: bool


def photograph(
    film: np.ndarray, generator: np.random.Generator, *, colour: bool = True
) -> Photograph:
    """Photograph a film (H, W) float32 in [0, 1].

    Args:
        colour: False turns it grey at last, as a copier or a messenger may.
    """
    shape = (LONG, SHORT) if generator.random() < 0.5 else (SHORT, LONG)
    y, x = (line / length for line, length in zip(np.indices(shape), shape, strict=True))
    light = _lay_down(film, shape, generator)
    shown = light >= 0  # where the film is
    # Light falls off with the distance from wherever the lamp is, by up to 0.4 over a side.
    falls = 1 - generator.uniform(0, 0.4) * np.hypot(x - generator.random(), y - generator.random())
    room = generator.uniform(0.02, 0.4) * (1 + 0.3 * (generator.normal() * x + y))
    # (H, W, 3). Neither a light box nor a screen is quite black or quite white.
    colours = np.repeat(np.where(shown, (0.05 + 0.9 * light) * falls, room)[..., None], 3, 2)
    screen = generator.random() < 0.5
    if screen:
        # 0.1 to 0.45 waves a pixel: from one half on pixels cannot show them.
        across, down = generator.uniform(0.1, 0.45, 2) * 2 * np.pi
        waves = across * shape[1] * x + down * shape[0] * y
        # A third of a wave apart, as red, green and blue lie beside each other on a screen.
        phases = np.array([0, 1, 2]) * 2 * np.pi / 3
        depth = RASTER * generator.random() * shown[..., None]
        colours *= 1 + depth * np.sin(waves[..., None] + phases)
    if generator.random() < 0.5:
        place, width = generator.random(2), generator.uniform(0.05, 0.25)
        spot = np.exp(-((x - place[0]) ** 2 + (y - place[1]) ** 2) / (2 * width**2))
        colours += GLARE * generator.random() * spot[..., None]
    warm, green = generator.uniform(-CAST, CAST, 2)
    # Warm or cold light: what red gains blue loses, so that it is the colour that changes.
    colours *= 1 + np.array([warm, green / 2, -warm])
    colours += generator.uniform(*GRAIN) * generator.normal(size=colours.shape)
    picture = Image.fromarray((colours.clip(0, 1) * 255).astype(np.uint8))
    file = io.BytesIO()
    quality = int(generator.integers(*QUALITY))
    (picture if colour else picture.convert("L")).save(file, "JPEG", quality=quality)
    return Photograph(file.getvalue(), screen)


def _lay_down(
    film: np.ndarray, shape: tuple[int, int], generator: np.random.Generator
) -> np.ndarray:
    """The film seen at an angle: (H, W) float32 in [0, 1], -1 where it is not."""
    height, width = shape
    flat = Image.fromarray(Preprocessing(SHORT).to_input(film)[0] + 1)  # 0 is nothing
    inset = generator.uniform(*EDGE, (4, 2))
    corners = np.array([(0, 0), (1, 0), (1, 1), (0, 1)])
    seen = np.abs(corners - inset) * (width, height)
    there = corners * SHORT
    # Eight numbers that take each corner on the photograph to its place on the film.
    rows = [
        row
        for (u, v), (a, b) in zip(seen, there, strict=True)
        for row in (
            (u, v, 1, 0, 0, 0, -a * u, -a * v),
            (0, 0, 0, u, v, 1, -b * u, -b * v),
        )
    ]
    numbers = np.linalg.solve(np.array(rows), there.ravel())
    size = (width, height)
    laid = flat.transform(
        size, Image.Transform.PERSPECTIVE, tuple(numbers), Image.Resampling.BILINEAR
    )
    return np.asarray(laid) - 1
