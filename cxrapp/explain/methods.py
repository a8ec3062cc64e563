"""The methods a page can offer, under one signature. A new one joins `METHODS`, and that is all."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cxrapp.explain import cams
from cxrapp.explain.perturbation import TellProgress, ignore, lime_regions, occlusion_maps
from cxrapp.model.bundle import Bundle, Encoder

Found = tuple[np.ndarray, ...]  # maps, and LIME's fits and noise's, see `Explanation`


@dataclass(frozen=True)
class Method:
    """One way to explain a score. Call it for an `Explanation`.

    Args:
        name: As a screen shows it.
        compute: Bundle, (1, S, S) film input, (C, h, w) feature map, progress -> maps;
            LIME's, fits and those of noise too.
        how_to_read: Sentences for the reader of the map.
        quick: Milliseconds, from what is cached of the film; the others run the network dozens
            of times, which takes many seconds.
        signed: Whether values below 0 speak against the finding; otherwise none are below 0.
        unit: `logits`, or `no unit` where only proportions within a map mean anything.
    """

    name: str
    compute: Callable[[Bundle, np.ndarray, np.ndarray, TellProgress], Found]
    how_to_read: str
    quick: bool = True
    signed: bool = False
    unit: str = "logits"

    def __call__(
        self,
        bundle: Bundle,
        film: np.ndarray,
        feature_map: np.ndarray,
        progress: TellProgress = ignore,
    ) -> "Explanation":
        """Explain every finding of one film.

        Args:
            bundle: That scored the film.
            film: (1, S, S) float32 in [0, 1] from `Preprocessing.to_input`.
            feature_map: (C, h, w) float32, of its `Prediction`.
            progress: Told the fraction done now and then; raise from it to stop. Quick methods do
                not call it.
        """
        start = time.perf_counter()
        maps, *fits = self.compute(bundle, film, feature_map, progress)
        return Explanation(self, maps, time.perf_counter() - start, *fits)


@dataclass(frozen=True)
class Explanation:
    """Heat maps of one film by one method, one a finding.

    Args:
        maps: (K, h, w) float32 over the network input, in the method's unit; lay them over the
            film with `Preprocessing.to_image`. The findings have one scale.
        seconds: It took.
        fits, noise_fits: LIME alone: (K,) and (draws, K) float64, see `Regions`.
    """

    method: Method
    maps: np.ndarray
    seconds: float
    fits: np.ndarray | None = None
    noise_fits: np.ndarray | None = None


def _cam(
    method: Callable[[Encoder, np.ndarray], np.ndarray],
) -> Callable[[Bundle, np.ndarray, np.ndarray, TellProgress], Found]:
    return lambda bundle, film, feature_map, progress: (method(bundle, feature_map),)


def _occlude(bundle: Bundle, film: np.ndarray, _: np.ndarray, progress: TellProgress) -> Found:
    return (occlusion_maps(bundle, film, progress=progress),)


def _lime(bundle: Bundle, film: np.ndarray, _: np.ndarray, progress: TellProgress) -> Found:
    regions = lime_regions(bundle, film, progress=progress)
    return regions.weights, regions.fits, regions.noise_fits


_ALL = (
    Method(
        "Grad-CAM",
        _cam(cams.grad_cams),
        "The brighter a place, the more it raised the score for this finding; places "
        "that lowered the score are left clear. It explains a score and outlines no disease.",
    ),
    Method(
        "Evidence for and against",
        _cam(cams.evidence),
        "What each place added to the score (above zero) or took from it (below "
        "zero). All places together, and a constant, make up the score exactly. A place here is "
        "wide, and what the network saw around it counts too.",
        signed=True,
    ),
    Method(
        "Grad-CAM++",
        _cam(cams.grad_cams_plus_plus),
        "Like Grad-CAM, but counts only patterns that speak for the finding, so it "
        "lights up even on a film that was read as negative. Compare places within one map; "
        "brightness does not tell how strong the evidence is.",
        unit="no unit",
    ),
    Method(
        "Layer-CAM",
        _cam(cams.layer_cams),
        "What patterns that speak for the finding added to the score in each place. "
        "What spoke against it in the same place is not subtracted, so the map shows more "
        "evidence than the score rests on.",
    ),
    Method(
        "Occlusion",
        _occlude,
        "Each square was covered with plain grey, one at a time, and the film scored "
        "again: the value is how far the score fell. Below zero, the score rose without the "
        "square. A grey square is itself something the network never saw in training, and a "
        "shadow wider than one square may barely move the score.",
        quick=False,
        signed=True,
    ),
    Method(
        "LIME",
        _lime,
        "The film was cut into regions and scored many times with some of them "
        "smoothed to an even grey of their own brightness: above zero, the detail of a region "
        "speaks for the finding, below zero against it. An even shadow has little detail, so it "
        "may go unmarked. Trust it as far as its fit, which is measured on scorings that it "
        "did not learn from: at 1 the regions foretell all of the score's changes, at 0 or below "
        "none.",
        quick=False,
        signed=True,
    ),
)
METHODS = {method.name: method for method in _ALL}
