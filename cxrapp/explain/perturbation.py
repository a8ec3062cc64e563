"""Hide parts of a film and ask the network again: occlusion, and LIME."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cxrapp.model.bundle import Encoder
from cxrapp.model.predict import BATCH, encode

# Called with the fraction done, in (0, 1]. To stop the work, raise from it: nothing is kept.
TellProgress = Callable[[float], None]
SQUARES = 7  # a side
REGIONS = 36  # asked of the segmentation, which finds about as many
SAMPLES = 96  # twice as many raise R2 on unseen samples by 0.06 at most
KERNEL_WIDTH = 0.25  # of lime's own image explainer
FOLDS = 5  # of the samples; each is predicted by weights that were fitted to the others
SHUFFLES = 20  # of the logits, for how well noise is fitted


def ignore(fraction: float) -> None:
    """The `TellProgress` of nobody who waits."""


def score_hidden(
    network: Encoder,
    film: np.ndarray,
    hidden: np.ndarray,
    filling: np.ndarray,
    progress: TellProgress = ignore,
) -> np.ndarray:
    """Score a film with parts of it replaced.

    Args:
        network: A bundle, or the eager network it was made from.
        film: (1, S, S) float32 in [0, 1] from `Preprocessing.to_input`.
        hidden: (M, S, S) bool: what each of the M copies does not show.
        filling: float32, () or (S, S): what is shown there instead.
        progress: Told after every batch.

    Returns:
        (M, K) float32 logits.
    """
    logits = []
    for start in range(0, len(hidden), BATCH):
        masks = hidden[start : start + BATCH, None]
        logits.append(encode(network, np.where(masks, filling, film)).logits)
        progress(min(start + BATCH, len(hidden)) / len(hidden))
    return np.concatenate(logits)


def occlusion_maps(
    network: Encoder, film: np.ndarray, grid: int = SQUARES, progress: TellProgress = ignore
) -> np.ndarray:
    """Drop in each logit when a square of the network input is hidden.

    Zeiler and Fergus, "Visualizing and understanding convolutional networks", ECCV 2014. Squares
    are filled with the film's mean brightness and do not overlap; the network runs once for each
    and once for the whole film.

    Args:
        network: A bundle, or the eager network it was made from.
        film: (1, S, S) float32 in [0, 1] from `Preprocessing.to_input`.
        grid: Squares a side, g.
        progress: Told the fraction done after every batch; raise from it to stop.

    Returns:
        (K, g, g) float32, in logits; above 0 where the square had raised the logit.
    """
    side = film.shape[-1]
    edges = np.linspace(0, side, grid + 1).round().astype(int)
    hidden = np.zeros((1 + grid * grid, side, side), bool)  # the first hides nothing
    for number, (row, column) in enumerate(np.ndindex(grid, grid), start=1):
        hidden[number, edges[row] : edges[row + 1], edges[column] : edges[column + 1]] = True
    grey = film.mean(dtype=np.float64).astype(np.float32)
    logits = score_hidden(network, film, hidden, grey, progress)
    return (logits[0] - logits[1:]).T.reshape(-1, grid, grid)


@dataclass(frozen=True)
class Regions:
    """What LIME found in one film.

    Args:
        weights: (K, S, S) float32, in logits: how much higher the logit is with the pixel's region
            shown; below 0 where the region speaks against the finding.
        fits: (K,) float64, at most 1: share of the logit's variation that the weights account for
            over samples they were not fitted to (weighted R2, cross-validated); 0 or below where
            they foretell no more than the mean does.
        noise_fits: (SHUFFLES, K) float64: the same with the logits shuffled among the samples.
    """

    weights: np.ndarray
    fits: np.ndarray
    noise_fits: np.ndarray


def lime_regions(
    network: Encoder, film: np.ndarray, samples: int = SAMPLES, progress: TellProgress = ignore
) -> Regions:
    """Fit a linear model of each logit to the film with regions switched on and off.

    Ribeiro et al., "Why should I trust you?", KDD 2016, by the package lime, on superpixels (SLIC,
    Achanta et al., 2012). A hidden region is flattened to its own mean brightness, lime's default:
    so its detail is weighed and not its whiteness. Films stay nearer to real ones than with grey
    holes, and the linear model fits unseen samples far better (R2 0.84 against 0.35, mean of three
    sample films).

    Args:
        network: A bundle, or the eager network it was made from.
        film: (1, S, S) float32 in [0, 1] from `Preprocessing.to_input`.
        samples: Runs of the network, for all findings together.
        progress: Told the fraction done after every batch; raise from it to stop.
    """
    # Imported here because they take seconds and nothing else needs them.
    from lime.lime_base import LimeBase
    from skimage.segmentation import slic

    # Blurred by a pixel first: on a noisy film SLIC would find a single region.
    found = slic(film[0], n_segments=REGIONS, compactness=0.1, sigma=1, channel_axis=None)
    segments = np.unique(found, return_inverse=True)[1].reshape(found.shape)  # 0, 1, 2 ...
    sizes = np.bincount(segments.ravel())
    means = np.bincount(segments.ravel(), weights=film[0].ravel()) / sizes
    shown = np.random.default_rng(0).integers(0, 2, (samples, len(sizes)))
    shown[0] = 1  # lime measures every distance from the first, the film itself
    filling = means[segments].astype(np.float32)
    logits = score_hidden(network, film, shown[:, segments] == 0, filling, progress)

    model = LimeBase(_closeness, random_state=0)
    distances = 1 - np.sqrt(shown.mean(1))  # cosine distance of a row of 0s and 1s from all 1s
    weights = np.zeros((logits.shape[1], len(sizes)), np.float32)
    for k in range(logits.shape[1]):
        _, pairs, _, _ = model.explain_instance_with_data(
            shown, logits, distances, k, len(sizes), feature_selection="none"
        )
        for region, weight in pairs:
            weights[k, region] = weight
    closeness, generator = _closeness(distances), np.random.default_rng(0)
    noise = [generator.permutation(logits) for _ in range(SHUFFLES)]
    fits, *noise_fits = (fit_unseen(shown, one, closeness) for one in (logits, *noise))
    return Regions(weights[:, segments], fits, np.stack(noise_fits))


def fit_unseen(shown: np.ndarray, logits: np.ndarray, closeness: np.ndarray) -> np.ndarray:
    """How well lime's linear model foretells samples it has not seen.

    With nearly as many regions as half the samples, the model fits pure noise with an R2 of 0.39 on
    the samples it learned from; on others with 0 or less.

    Args:
        shown: (M, R) int: which regions each sample shows.
        logits: (M, K) float32.
        closeness: (M,) float64: how much each sample counts.

    Returns:
        (K,) float64: weighted R2 over all samples, each predicted from the other folds.
    """
    from sklearn.linear_model import Ridge
    from sklearn.metrics import r2_score
    from sklearn.model_selection import KFold, cross_val_predict

    folds = KFold(FOLDS, shuffle=True, random_state=0)
    model, weighted = Ridge(alpha=1), {"sample_weight": closeness}  # as in lime
    foretold = cross_val_predict(model, shown, logits, cv=folds, params=weighted)
    return r2_score(logits, foretold, sample_weight=closeness, multioutput="raw_values")


def _closeness(distances: np.ndarray) -> np.ndarray:
    """How much each sample counts, as in lime's image explainer."""
    return np.sqrt(np.exp(-(distances**2) / KERNEL_WIDTH**2))
