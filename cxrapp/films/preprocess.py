"""Pixels -> network input, and any grid -> image coordinates: one class owns both ways.

Training, export and app all go through here, so they cannot differ.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image


@dataclass(frozen=True)
class Preprocessing:
    """How a film becomes network input.

    Args:
        size: Side S of the square input in pixels. Both sides are resized to it whatever the
            aspect, as the published copies of the training films were made.
    """

    __pydantic_config__ = {"extra": "forbid"}  # a card that asks for more asks for something else
    size: int

    def to_input(self, pixels: np.ndarray) -> np.ndarray:
        """Shape a film for the network.

        Args:
            pixels: (H, W) float32 in [0, 1]; 0 is black.

        Returns:
            (1, S, S) float32 in [0, 1], low-pass filtered when it shrinks.
        """
        return _resize(pixels, (self.size, self.size))[None]

    def to_image(self, grid: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
        """Lay a grid over the film it came from: the inverse of `to_input`.

        Args:
            grid: (h, w) float32 of any range.
            shape: (H, W) of the film.

        Returns:
            (H, W) float32 in the range of `grid`.
        """
        return _resize(grid, shape)


def _resize(values: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """(H, W) -> `shape`, bilinear; Pillow widens the kernel when it shrinks (antialiasing)."""
    image = Image.fromarray(np.ascontiguousarray(values, dtype=np.float32))
    resized = image.resize(shape[::-1], Image.Resampling.BILINEAR)
    return np.array(resized)  # a copy: Pillow's own memory is read-only
