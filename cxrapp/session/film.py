"""A film as a session holds it: packed without loss, with a small picture for the list."""

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from cxrapp.figures.pictures import data_url, film_picture, fingerprint
from cxrapp.films.radiograph import Radiograph, Tags

THUMBNAIL = 96  # pixels of the long side


@dataclass(frozen=True)
class Film:
    """A film as it waits on the worklist.

    Args:
        key: Its number, in the order of arrival.
        name: As uploaded.
        packed: Its pixels as a PNG, without loss, so that it scores as the upload did.
        thumbnail: A small JPEG as a data URL.
        fingerprint: What it is called without its name: 12 hex digits of its pixels' SHA-256.
        tags, stretched_from: As in `Radiograph`.
    """

    key: str
    name: str
    packed: bytes
    thumbnail: str
    fingerprint: str
    tags: Tags
    stretched_from: float | None = None

    def unpack(self) -> Radiograph:
        """The film as it was read."""
        pixels = _unpack(self.packed)
        return Radiograph(self.name, pixels, self.tags, stretched_from=self.stretched_from)


def to_film(key: str, radiograph: Radiograph, packed: bytes) -> Film:
    """A film under its key.

    Args:
        packed: Its pixels, from `pack`.
    """
    picture = film_picture(_unpack(packed))
    sha256 = fingerprint(picture)
    picture.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS)
    small = data_url(picture, "JPEG", quality=80)
    name, tags = radiograph.name, radiograph.tags
    return Film(key, name, packed, small, sha256, tags, radiograph.stretched_from)


def pack(pixels: np.ndarray) -> bytes:
    """(H, W) float32 in [0, 1] -> PNG of 8 bits where they hold it, else of 16."""
    steps = pixels * 255
    if np.abs(steps - np.rint(steps)).max() < 1e-3:
        image = film_picture(pixels)
    else:
        image = Image.fromarray(np.rint(pixels * 65535).astype(np.uint16))
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def _unpack(packed: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(packed)) as image:
        deep = image.mode.startswith("I")
        return np.asarray(image, np.float32) / np.float32(65535 if deep else 255)
