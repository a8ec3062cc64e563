"""Values of a film -> grey in [0, 1], by one rule for every kind of file.

A value's place in the range that the file declares is its grey: the range of its window, of its
bits, or of a picture's type. Stretching every film to its own darkest and brightest value would
make a pale film look like another; the training films were not stretched, either.
"""

from dataclasses import dataclass

import numpy as np

from cxrapp.errors import UnreadableUpload
from cxrapp.films.radiograph import Stored

# Of the range. A film of 12 or 14 bits in a 16 bit file uses a sixteenth or a quarter; the palest
# of 14,950 published films (Kermany et al., COVID-19 Radiography, covid-chestxray, RSNA) uses 0.31.
SLIVER = 0.25


@dataclass(frozen=True)
class Grey:
    """(H, W) float32 in [0, 1], with `stretched_from` and the rest as in `Radiograph`."""

    pixels: np.ndarray
    stretched_from: float | None = None
    stored: Stored | None = None
    in_colour: bool = False


def to_grey(
    values: np.ndarray,
    low: float,
    high: float,
    *,
    film: np.ndarray | None = None,
    inverse: bool = False,
) -> Grey:
    """Place values in their range; a film that uses no more than a sliver of it is stretched.

    Args:
        values: (H, W) of any real type.
        low, high: The range.
        film: (H, W) bool, where the film is; the rest is black and takes part in nothing. None is
            all of it.
        inverse: Whether the lowest value is white.

    Raises:
        UnreadableUpload: All pixels of the film have the same value.
    """
    own = values if film is None else values[film]
    least, most = (float(own.min()), float(own.max())) if own.size else (0.0, 0.0)
    if least == most:
        raise UnreadableUpload("The picture is blank: every pixel has the same value.")
    used = (min(most, high) - max(least, low)) / (high - low)
    stretched = 0 < used <= SLIVER
    if stretched:
        low, high = least, most
    grey = values.astype(np.float32 if values.itemsize <= 4 else np.float64)
    grey -= low
    grey /= high - low
    np.clip(grey, 0, 1, out=grey)
    if inverse:
        np.subtract(1, grey, out=grey)
    grey = grey.astype(np.float32, copy=False)
    if film is not None:
        grey[~film] = 0
    return Grey(grey, used if stretched else None)
