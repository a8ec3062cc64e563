"""How far two explanations of one film agree."""

import numpy as np
from PIL import Image

from cxrapp.explain.methods import Explanation


def agreement(first: Explanation, second: Explanation) -> np.ndarray:
    """Rank correlation of two explanations of one film, finding by finding.

    Where one of them shows only what speaks for a finding, so is the other made to.

    Returns:
        (K,) float64 in [-1, 1]; NaN where a map is empty.
    """
    maps = first.maps, second.maps
    if not (first.signed and second.signed):
        maps = tuple(np.maximum(one, 0) for one in maps)
    return rank_correlation(*maps)


def rank_correlation(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Spearman's rank correlation of two sets of maps, on the coarser of their grids.

    As Adebayo et al., "Sanity checks for saliency maps", NeurIPS 2018, compare maps: 1 where both
    put the cells in the same order, 0 where they have nothing to do with each other. Made coarse
    by averaging, because a map that was stretched has more cells but knows no more.

    Args:
        first: (K, h, w) float32.
        second: (K, h', w') float32 over the same film.

    Returns:
        (K,) float64 in [-1, 1]; NaN where a map is the same everywhere, as an empty one is.
    """
    # Imported here because it takes half a second and the first prediction needs none of it.
    from scipy.stats import rankdata

    shape = np.minimum(first.shape[1:], second.shape[1:])
    agreements = np.full(len(first), np.nan)
    for k, pair in enumerate(zip(first, second, strict=True)):
        coarse = [_shrink(one, shape) for one in pair]
        if not any(_is_flat(one) for one in coarse):
            agreements[k] = np.corrcoef(*(rankdata(one) for one in coarse))[0, 1]
    return agreements


def _shrink(one: np.ndarray, shape: np.ndarray) -> np.ndarray:
    """(h, w) -> `shape`, each cell the mean of what it covers."""
    height, width = shape.tolist()
    image = Image.fromarray(np.ascontiguousarray(one, np.float32))
    return np.array(image.resize((width, height), Image.Resampling.BOX))


def _is_flat(one: np.ndarray) -> bool:
    """Does the map differ from cell to cell by rounding alone?"""
    return bool(np.ptp(one) <= 1e-6 * np.abs(one).max())
