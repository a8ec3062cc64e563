"""How much of a network's heat maps lies in the lungs, and how much chance alone puts there."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from cxrapp.explain import grad_cams
from cxrapp.explain.trust import GRID, chance_in_lungs, share_heat
from cxrapp.model.bundle import WEIGHTS, Bundle, Encoder
from cxrapp.model.card_schema import LungChance
from cxrapp.model.lung_finder import FILE, load_lungs
from cxrapp.model.lungs import Lungs
from cxrapp.model.predict import BATCH, encode
from cxrapp.statistics.bootstrap import mean_rate
from train import data
from train.evaluate import Run

LOW = 0.05  # share of the maps of shuffled heads that lie below what counts as low


@dataclass(frozen=True)
class Shares:
    """Of heat maps, what lies in the lungs; NaN where a map is empty.

    Args:
        heat: (N, K) float64 in [0, 1].
        by_chance: (N, SHUFFLES, K) float64 in [0, 1], with the head's weights shuffled.
        areas: (N,) float64 in [0, 1]: how much of the film the lungs cover.
    """

    heat: np.ndarray
    by_chance: np.ndarray
    areas: np.ndarray


def share_films(network: Encoder, films: np.ndarray, lungs: Sequence[Lungs]) -> Shares:
    """Explain films, (N, 1, S, S) float32, whose lungs are known, and add the maps up in them."""
    heat, by_chance = [], []
    for start in range(0, len(films), BATCH):
        for feature_map in encode(network, films[start : start + BATCH]).feature_maps:
            # As many as are explained so far: `encode` keeps the order of the films.
            found = lungs[len(heat)]
            maps = grad_cams(network, feature_map)
            # Over both sides and all thirds: where in the lungs it lies is not asked here.
            heat.append(share_heat(maps, found.zones((GRID, GRID))).sum((1, 2)))
            by_chance.append(chance_in_lungs(network, feature_map, found))
    areas = np.array([sum(found.areas) for found in lungs])
    return Shares(np.stack(heat), np.stack(by_chance), areas)


def measure_chance(bundle: Bundle, run: Run, root: Path) -> dict[str, LungChance]:
    """The card's `lung_chance`, on the run's validation films.

    The lungs are those that `lungs.pt` of the weights folder finds; empty without it.

    Args:
        bundle: As it is stored: in eight bits a network has maps of its own.
    """
    finder = load_lungs(WEIGHTS / FILE)
    if finder is None:
        return {}
    # A chance level is no reason to open the test.
    rows = run.table[run.table["split"] == "validation"]
    # At the bundle's own side: lungs and maps then lie over the very same pixels.
    films = data.load_films(rows, root, run.preprocessing).astype(np.float32) / 255
    # A film is (1, S, S), which counts as a list of one.
    lungs = [one for film in films for one in finder.find(film)]
    shares = share_films(bundle, films, lungs)
    found = {}
    for k, finding in enumerate(run.recipe.findings):
        # Only films that are asked the question, as no other shows a map of it. Where no lungs were
        # found there is nothing to divide by.
        asked = rows[finding.name].notna().to_numpy() & (shares.areas > 0)
        patients = rows.loc[asked, "patient"].to_numpy()
        one = summarise_chance(shares.by_chance[asked, :, k], shares.areas[asked], patients)
        # Left out, rather than NaN on a card that must be strict JSON.
        if one:
            found[finding.name] = one
    return found


def summarise_chance(
    by_chance: np.ndarray, areas: np.ndarray, patients: np.ndarray
) -> LungChance | None:
    """Of one finding's maps; None where none of them has heat.

    Args:
        by_chance: (N, SHUFFLES), areas (N,) above 0: as in `Shares`.
        patients: (N,) of any names.
    """
    # By area, because the larger the lungs, the more of any map lies in them: over films of
    # `pneumonia` the two correlate by 0.93, and a share would measure the lungs.
    density = by_chance / areas[:, None]
    # One shuffle with heat is enough for a film to count.
    lit = np.isfinite(density).any(1)
    if not lit.any():
        return None
    # The shuffles of a film become one value first: they say nothing of other patients.
    mean = mean_rate(np.nanmean(density[lit], 1), patients[lit])
    # Over single maps, as it is single maps that are held against it.
    return {"density": asdict(mean), "low": float(np.nanquantile(density, LOW))}
