"""How far a heat map can be trusted.

Whether two methods agree; how much of it lies in the lungs; and whether it depends on what
the network has learned (Adebayo et al., NeurIPS 2018): a map that stays the same when the weights
are thrown away draws the film, not the network.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

from cxrapp.explain.cams import evidence
from cxrapp.explain.methods import METHODS, Explanation
from cxrapp.films.preprocess import Preprocessing
from cxrapp.model.bundle import Bundle, Encoder, load_bundle
from cxrapp.model.card import ModelCard
from cxrapp.model.lungs import Lungs
from cxrapp.model.predict import encode

DRAWS = 10  # one draw may agree by chance: neighbouring cells are alike
GRID = 112  # cells a side on which evidence in the lungs is added up
SHUFFLES = 20  # of the head, for what chance would show


def agreement(first: Explanation, second: Explanation) -> np.ndarray:
    """Rank correlation of two explanations of one film, finding by finding.

    Where one of them shows only what speaks for a finding, so is the other made to.

    Returns:
        (K,) float64 in [-1, 1]; NaN where a map is empty.
    """
    maps = first.maps, second.maps
    if not (first.method.signed and second.method.signed):
        maps = tuple(np.maximum(one, 0) for one in maps)
    return rank_correlation(*maps)


@dataclass(frozen=True)
class MethodAgreement:
    """Whether two methods put the places of one film in the same order.

    Args:
        methods: Names of the two.
        values: (K,) float64 in [-1, 1]; NaN where one of the two maps is empty.
        chance: (SHUFFLES, K) float64: the same with a shuffled head behind one of the two; NaN
            where that map is empty.
    """

    methods: tuple[str, str]
    values: np.ndarray
    chance: np.ndarray

    def first(self, count: int) -> "MethodAgreement":
        """The same of the first findings alone."""
        return MethodAgreement(self.methods, self.values[:count], self.chance[:, :count])

    def by_chance(self, finding: int) -> tuple[float, float]:
        """What shuffled heads give on average, and at most; NaN where none gives anything."""
        drawn = self.chance[np.isfinite(self.chance[:, finding]), finding]
        return (float(drawn.mean()), float(drawn.max())) if len(drawn) else (np.nan, np.nan)

    def is_known(self, finding: int) -> bool:
        """Whether there is an agreement and a chance level: neither where a map is empty."""
        return bool(np.isfinite([self.values[finding], *self.by_chance(finding)]).all())

    def is_above_chance(self, finding: int) -> bool:
        """Whether the two agree more than under every shuffled head, as one in 21 would by luck.

        Two maps in opposite orders disagree, even where chance would oppose them more.
        """
        return bool(self.values[finding] > max(0, self.by_chance(finding)[1]))


def compare_methods(
    first: Explanation,
    second: Explanation,
    bundle: Bundle,
    film: np.ndarray,
    feature_map: np.ndarray,
) -> MethodAgreement:
    """Agreement of two explanations of one film, beside what chance would give.

    Maps of different films agree too, because every chest is laid out alike; and so do maps of one
    film whatever the weights (Adebayo et al., "Sanity checks for saliency maps", NeurIPS 2018).
    Chance is therefore one map against the other method's with the head's weights shuffled: what
    the film alone brings about stays, what the head has learned goes. Maps rolled across the film
    would lose both. A method that runs the network cannot be repeated that often, so it keeps its
    map and the other is shuffled; where both do, evidence for and against stands in for one.

    Args:
        film: (1, S, S) float32 in [0, 1] from `Preprocessing.to_input`.
        feature_map: (C, h, w) float32 of the film.
    """
    kept, shuffled = (first, second.method) if second.method.quick else (second, first.method)
    if not shuffled.quick:
        shuffled = METHODS["Evidence for and against"]
    others = [shuffled(bundle, film, one) for one in _shuffle(feature_map)]
    chance = np.stack([agreement(kept, other) for other in others])
    names = first.method.name, second.method.name
    return MethodAgreement(names, agreement(first, second), chance)


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


@dataclass(frozen=True)
class LungEvidence:
    """How much of each map's heat above 0 lies in the lungs.

    Args:
        inside: (K,) float64 in [0, 1], in either lung; NaN where a map has no heat above 0.
        zones: (K, 2, 3) float64 in [0, 1]: the same by side of the film and by `ZONES`.
        chance: (K,) float64 in [0, 1]: what the network shows inside with a shuffled head, on
            average, by its card; NaN where that does not say, and beside an empty map.
        low: (K,) float64 in [0, 1]: only one in twenty of such maps shows less.
    """

    inside: np.ndarray
    zones: np.ndarray
    chance: np.ndarray
    low: np.ndarray

    def first(self, count: int) -> "LungEvidence":
        """The same of the first findings alone."""
        return LungEvidence(*(part[:count] for part in vars(self).values()))

    def is_low(self, finding: int) -> bool:
        """Whether less of a finding's evidence lies in the lungs than a shuffled head would show.

        Half of all maps that owe nothing to the head lie below their average: that is not low.
        """
        return bool(self.inside[finding] < self.low[finding])


def evidence_in_lungs(maps: np.ndarray, lungs: Lungs, card: ModelCard) -> LungEvidence:
    """Add up a film's maps in its lungs, beside what chance would put there.

    The larger the lungs, the more lies in them whatever the weights: what films of the same
    network differ in by chance is nearly all their lungs' area, so the card keeps a density.

    Args:
        maps: (K, h, w) float32 over the network input; what speaks against counts as nothing.
        card: Of the bundle that made them.
    """
    zones = lungs.zones((GRID, GRID))
    shares, area = share_heat(maps, zones), zones.mean((2, 3)).sum()
    known = [card.lung_chance.get(finding.name) for finding in card.findings]
    levels = [(one["density"]["value"], one["low"]) if one else (np.nan, np.nan) for one in known]
    chance, low = np.minimum(area * np.array(levels), 1).T
    inside = shares.sum((1, 2))
    chance[np.isnan(inside)] = np.nan  # beside an empty map it would look like a result
    return LungEvidence(inside, shares, chance, low)


def chance_in_lungs(network: Encoder, feature_map: np.ndarray, lungs: Lungs) -> np.ndarray:
    """The share of a film's maps inside its lungs when the head's weights are shuffled.

    Args:
        network: The bundle, or the eager network it was made from.
        feature_map: (C, h, w) float32 of the film.

    Returns:
        (SHUFFLES, K) float64 in [0, 1]; NaN where a map has no heat above 0.
    """
    zones = lungs.zones((GRID, GRID))
    shuffled = [share_heat(evidence(network, one), zones) for one in _shuffle(feature_map)]
    return np.stack(shuffled).sum((2, 3))


def _shuffle(feature_map: np.ndarray) -> list[np.ndarray]:
    """A film's feature map for `SHUFFLES` shuffled heads.

    Shuffling its channels is shuffling the weights of a pooled linear head.
    """
    generator = np.random.default_rng(0)  # the same film has the same chance level each time
    return [feature_map[generator.permutation(len(feature_map))] for _ in range(SHUFFLES)]


def share_heat(maps: np.ndarray, zones: np.ndarray) -> np.ndarray:
    """Share of each map's heat above 0 in each zone.

    Args:
        maps: (K, h, w) float32.
        zones: (2, 3, H, W) bool, over the same film.

    Returns:
        (K, 2, 3) float64 in [0, 1]; NaN where a map has no heat above 0.
    """
    # Laying a map over a film is linear and the same for rows and columns, so what a cell puts into
    # each zone is found once, and no map is stretched.
    to_image = Preprocessing(zones.shape[-1]).to_image
    down, across = (
        to_image(np.eye(cells), (pixels, cells))
        for cells, pixels in zip(maps.shape[1:], zones.shape[2:], strict=True)
    )
    whole = np.outer(down.sum(0, dtype=np.float64), across.sum(0, dtype=np.float64))
    parts = down.T.astype(np.float64) @ zones @ across  # (2, 3, h, w)
    heat = np.maximum(maps, 0).astype(np.float64)
    totals = np.tensordot(heat, whole, 2)
    inside = np.tensordot(heat, parts, ((1, 2), (2, 3)))
    return inside / np.where(totals > 0, totals, np.nan)[:, None, None]


@dataclass(frozen=True)
class Randomised:
    """Maps of a network with random weights beside those of the true one.

    All maps are Grad-CAM before what speaks against the finding is cut off, so that none is empty.

    Args:
        changed: What is random: `the head` or `every weight`.
        truth: (K, h, w) float32, in logits, with the true weights.
        maps: (draws, K, h, w) float32, in logits, with random weights.
        agreements: (draws, K) float64: rank correlation of each with the truth. Around 0 is
            passed; all near 1 would be failed.
    """

    changed: str
    truth: np.ndarray
    maps: np.ndarray
    agreements: np.ndarray


def randomise_weights(
    path: Path, film: np.ndarray, seed: int = 0, draws: int = DRAWS
) -> tuple[Randomised, Randomised]:
    """Explain a film again with a random head, and with every weight random.

    Works on its own copy of the network, so that no other bundle in memory changes.

    Args:
        path: The bundle's .pt.
        film: (1, S, S) float32 in [0, 1] from `Preprocessing.to_input`.
        seed: The same seed gives the same maps.
        draws: Of random weights; with every weight random each costs one run of the network.

    Returns:
        With a random head, and with every weight random.

    Raises:
        InvalidBundle: As `load_bundle`.
    """
    bundle = load_bundle(path, frozen=False)
    generator = torch.Generator().manual_seed(seed)
    feature_map = _feature_map(bundle, film)
    truth = evidence(bundle, feature_map)
    heads = []
    for _ in range(draws):
        _draw(bundle.head, generator)
        heads.append(evidence(bundle, feature_map))
    networks = []
    for _ in range(draws):
        _draw(bundle.backbone, generator)
        _draw(bundle.head, generator)
        networks.append(evidence(bundle, _feature_map(bundle, film)))
    return _compare("the head", truth, heads), _compare("every weight", truth, networks)


def _feature_map(bundle: Bundle, film: np.ndarray) -> np.ndarray:
    return encode(bundle, film[None]).feature_maps[0]


def _compare(changed: str, truth: np.ndarray, maps: list[np.ndarray]) -> Randomised:
    agreements = np.stack([rank_correlation(truth, drawn) for drawn in maps])
    return Randomised(changed, truth, np.stack(maps), agreements)


@torch.no_grad()
def _draw(part: nn.Module, generator: torch.Generator) -> None:
    """Fill a part of a network with weights as before any training (He et al., ICCV 2015).

    Batch normalisation starts anew as well: its stored statistics fit the learned weights alone.
    """
    for name, weight in part.named_parameters():
        if weight.dim() > 1:
            deviation = (2 / weight[0].numel()) ** 0.5
            weight.copy_(deviation * torch.randn(weight.shape, generator=generator))
        else:
            weight.fill_(float(name.endswith("weight")))  # scales 1, biases 0
    for name, buffer in part.named_buffers():
        if name.endswith(("running_mean", "running_var")):
            buffer.fill_(float(name.endswith("var")))
