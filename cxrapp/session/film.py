"""A film as a session holds it: packed without loss, with a small picture for the list."""

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from cxrapp.figures.pictures import data_url, film_picture, fingerprint
from cxrapp.films.radiograph import Radiograph, Stored, Tags, Units

THUMBNAIL = 160  # pixels of the long side, as large as the list shows it


@dataclass(frozen=True)
class Packed:
    """A film without loss, so that it scores as the upload did.

    Args:
        png: Its numbers, of 8 or 16 bits: those its file stores wherever there are any.
        greys: The grey in [0, 1] of each number from 0 on, as float32.
        units: What the numbers mean.
    """

    png: bytes
    greys: bytes
    units: Units

    def __len__(self) -> int:
        return len(self.png) + len(self.greys)

    def unpack(self) -> np.ndarray:
        """(H, W) float32 in [0, 1]."""
        with Image.open(io.BytesIO(self.png)) as image:
            return self.table()[np.asarray(image)]

    def table(self) -> np.ndarray:
        """The greys of the numbers, (count,) float32."""
        return np.frombuffer(self.greys, np.float32)


@dataclass(frozen=True)
class Film:
    """A film as it waits on the worklist.

    Args:
        key: Its number, in the order of arrival.
        name: As uploaded.
        packed: Its pixels.
        thumbnail: A small JPEG as a data URL.
        fingerprint: What it is called without its name: 12 hex digits of its pixels' SHA-256.
        tags, stretched_from, in_colour: As in `Radiograph`.
    """

    key: str
    name: str
    packed: Packed
    thumbnail: str
    fingerprint: str
    tags: Tags
    stretched_from: float | None = None
    in_colour: bool = False

    def unpack(self) -> Radiograph:
        """The film as it was read."""
        pixels = self.packed.unpack()
        return Radiograph(
            self.name,
            pixels,
            self.tags,
            stretched_from=self.stretched_from,
            in_colour=self.in_colour,
        )


def to_film(key: str, radiograph: Radiograph, packed: Packed) -> Film:
    """A film under its key.

    Args:
        packed: Its pixels, from `pack`.
    """
    picture = film_picture(packed.unpack())
    sha256 = fingerprint(picture)
    picture.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS)
    small = data_url(picture, "JPEG", quality=80)
    said = (radiograph.tags, radiograph.stretched_from, radiograph.in_colour)
    return Film(key, radiograph.name, packed, small, sha256, *said)


def pack(radiograph: Radiograph) -> Packed:
    """A film as its stored numbers; as its greys, of 8 bits where they hold it, if it has none."""
    stored, pixels = radiograph.stored, radiograph.pixels
    if stored and (greys := _greys(stored, pixels)) is not None:
        return Packed(_png(stored.numbers), greys.tobytes(), stored.units)
    steps = pixels * 255
    kind = np.uint8 if np.abs(steps - np.rint(steps)).max() < 1e-3 else np.uint16
    top = np.iinfo(kind).max
    greys = np.arange(top + 1, dtype=np.float32) / np.float32(top)
    return Packed(_png(np.rint(pixels * top).astype(kind)), greys.tobytes(), Units())


def _greys(stored: Stored, pixels: np.ndarray) -> np.ndarray | None:
    """The grey of each number, (count,) float32; None where a number has more than one."""
    greys = np.zeros(int(stored.numbers.max()) + 1, np.float32)
    greys[stored.numbers] = pixels
    return greys if np.array_equal(greys[stored.numbers], pixels) else None


def _png(numbers: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(numbers).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
