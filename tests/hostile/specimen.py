"""One bad input, the real film it is made from, and the harm any file may come to."""

import io
import random
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image

from tests.places import SAMPLES

with Image.open(SAMPLES[0]) as _sample:
    FILM = _sample.convert("L").resize((214, 157))  # real, small enough for hundreds of copies


@dataclass(frozen=True)
class Specimen:
    """One bad input.

    Args:
        kind: What is wrong with it; specimens are counted by it.
        name: As a person would have uploaded it; no two are the same.
        data: Its bytes.
        reason: What the answer has to say; empty where a film is as right as a refusal.
        film: Whether a film has to come out of it.
    """

    kind: str
    name: str
    data: bytes
    reason: str = ""
    film: bool = False


def encode(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    """A picture as a file."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def truncate(stem: str, suffix: str, data: bytes) -> Iterator[Specimen]:
    """Cut off in its header, in its middle, and just before its end."""
    cuts = [1, 3, 8, 20, 40, 133, 200, *(len(data) * part // 10 for part in range(1, 10))]
    for cut in [*cuts, len(data) - 12, len(data) - 1]:
        yield Specimen("truncated", f"{stem} cut at {cut}.{suffix}", data[:cut])


def flip(stem: str, suffix: str, data: bytes) -> Iterator[Specimen]:
    """One bit turned over, half of them among the first bytes, where formats say what they are."""
    dice = random.Random(stem)
    for part in range(24):
        at = dice.randrange(min(len(data), 700)) if part % 2 else dice.randrange(len(data))
        flipped = bytearray(data)
        flipped[at] ^= 1 << dice.randrange(8)
        yield Specimen("flipped bit", f"{stem} flipped at {at} ({part}).{suffix}", bytes(flipped))


def splice(stem: str, suffix: str, data: bytes) -> Iterator[Specimen]:
    """A block zeroed, repeated, lost, replaced by noise, and the file followed by itself."""
    dice = random.Random(stem)
    a, b = len(data) // 3, len(data) // 2
    spliced = {
        "zeroed": data[:a] + bytes(b - a) + data[b:],
        "repeated": data[:b] + data[a:],
        "lost": data[:a] + data[b:],
        "noise": data[:a] + dice.randbytes(b - a) + data[b:],
        "doubled": data + data,
        "ones": data[:a] + b"\xff" * (b - a) + data[b:],
    }
    for what, changed in spliced.items():
        yield Specimen("spliced", f"{stem} {what}.{suffix}", changed)
