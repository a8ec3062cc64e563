"""A film as a session holds it: packed without loss, with a small picture for the list."""

import io
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from cxrapp.figures.pictures import data_url, film_picture, fingerprint
from cxrapp.films.radiograph import Radiograph

THUMBNAIL = 96  # pixels of the long side


@dataclass(frozen=True)
class Film:
    """A film as it waits on the worklist.

    Args:
        key: Its number, in the order of arrival.
        packed: Its pixels as a PNG, without loss, so that it scores as the upload did.
        thumbnail: A small JPEG as a data URL.
        fingerprint: What it is called without its name: 12 hex digits of its pixels' SHA-256.
        tags: What its file says about it; the pixels are taken out.
    """

    key: str
    packed: bytes
    thumbnail: str
    fingerprint: str
    tags: Radiograph

    @property
    def name(self) -> str:
        """As uploaded."""
        return self.tags.name

    def unpack(self) -> Radiograph:
        """The film as it was read."""
        return replace(self.tags, pixels=_unpack(self.packed))


def to_film(key: str, radiograph: Radiograph, packed: bytes) -> Film:
    """A film under its key.

    Args:
        packed: Its pixels, from `pack`.
    """
    picture = film_picture(_unpack(packed))
    name = fingerprint(picture)
    picture.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS)
    tags = replace(radiograph, pixels=np.empty((0, 0), np.float32))
    return Film(key, packed, data_url(picture, "JPEG", quality=80), name, tags)


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
