"""How the lung network does on films kept apart: masks, refusals and warnings, with intervals."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F

from cxrapp.films.decode import read_film
from cxrapp.model.lung_finder import LungFinder
from cxrapp.model.lungs import KINDS, LungCard, Lungs
from cxrapp.statistics.bootstrap import mean_rate, number_patients, share_rate
from train import data
from train.augment import draw_places, move
from train.lungs.batches import TURNS
from train.lungs.films import (
    CHILDREN,
    OTHER_ADULTS,
    Pool,
    load_others,
    load_pool,
    read_lung_table,
)
from train.lungs.limits import look_at
from train.lungs.phone import photograph
from train.recipe import Augment

# Always the same ones: a share of 0.98 is then known to 0.015 either way.
MOST_ADULTS = 600  # of one source
LOST = 0.5  # of a lung's area found: less is a lung lost
NOISE = 0.06  # deviation of grain, share of full scale: the most that training adds
TURN = 12.0  # degrees; training goes to 15

Measured = dict[str, dict[str, dict[str, Any]]]


def measure_lungs(finder: LungFinder, root: Path, *, test: bool) -> Measured:
    """Group -> measure -> {value, low, high, n}, every share by patient.

    Args:
        test: Open the children's official test as well.
    """
    card, size = finder.card, finder.card.preprocessing.size
    table = read_lung_table(root)
    measured: Measured = {}
    groups = {
        "children": table[(table["source"] == CHILDREN) & (table["role"] == "apart")],
        # Source by source: other machines, other people; a mean over all would hide the worst.
        **{
            f"adults, {source}": table[(table["source"] == source) & (table["role"] == "apart")]
            for source in ("radiography", "rsna", OTHER_ADULTS)
        },
    }
    # Not otherwise: whoever looks at it while choosing has nothing left to measure with.
    if test:
        groups["children, official test"] = table[table["role"] == "official test"]
    for name, rows in groups.items():
        if name.endswith(OTHER_ADULTS):  # children among them are told by their age
            # Where no age is known the comparison is false, and the film stays.
            rows = rows[~(rows["age_years"] < 18)]
        if name.startswith("adults"):
            rows = rows.sample(min(len(rows), MOST_ADULTS), random_state=0)  # the same each time
        # Chest films alone: other pictures are measured by themselves, label by label.
        pool = load_pool(rows, np.zeros((0, 1, size, size), np.uint8), root, size)
        patients = rows["patient"].to_numpy()
        measured[name] = measure_frontal(finder, pool, patients)
        # From the files, as the pool holds greys alone. Every file that is grey stays so and cannot
        # be warned of: this counts false alarms.
        measured[name]["warned: in colour"] = _share(
            [data.read_film(root / path).in_colour for path in rows["path"]], patients
        )
        # One group of children and one of adults: those with masks.
        if name in ("children", f"adults, {OTHER_ADULTS}"):
            measured[f"{name}, changed"] = measure_changed(finder, pool, patients)
    measured |= measure_others(finder, card, root)
    # Made of the same children's films, so that what differs is the camera alone.
    measured["children, photographed (made)"] = measure_photographs(
        finder, groups["children"], root
    )
    return measured


def measure_photographs(finder: LungFinder, rows: pd.DataFrame, root: Path) -> dict[str, Any]:
    """Of photographs made of films: what is noticed, and what of it when they are grey."""
    # From one seed: measured again, they are the same photographs.
    generator, seen = np.random.default_rng(0), {True: [], False: []}
    for path in rows["path"]:
        pixels = data.read_film(root / path).pixels
        # Colour gives a photograph away; a grey one shows what is noticed without. Each is a
        # photograph of its own, at another angle and in other light.
        for colour, films in seen.items():
            # By way of a file and the clinic's reader: JPEG and the test for colour are part of it.
            films.append(read_film("", photograph(pixels, generator, colour=colour).file))
    patients = rows["patient"].to_numpy()
    # Colour is told from the file; the network itself sees grey alone.
    grey = finder.find([film.pixels for film in seen[False]])
    # By this network alone: how far it lies from a bundle's training films may tell more.
    noticed = [one.kind != KINDS[0] or bool(one.implausible) or one.looks_adult for one in grey]
    return {
        "warned: in colour": _share([film.in_colour for film in seen[True]], patients),
        "made grey, refused or warned of": _share(noticed, patients),
    }


def measure_frontal(finder: LungFinder, pool: Pool, patients: np.ndarray) -> dict[str, Any]:
    """Of frontal films: what is refused or warned of, and how well the lungs are found."""
    # Once for both: refusals are read from the very masks that Dice is measured on.
    looks = look_at(finder, pool.films)
    rates = share_rates(looks.read(finder.card), patients)
    known = pool.masked.numpy()
    if known.any():
        # Of a film both lungs are one value, as it is patients that are resampled.
        dice = dice_scores(looks.masks[known], pool.masks.numpy()[known])
        rates["Dice"] = _rate(dice.mean(1), patients[known])
    return rates


def share_rates(lungs: Sequence[Lungs], patients: np.ndarray) -> dict[str, Any]:
    """What would become of films, as shares of them."""
    told: dict[str, Callable[[Lungs], bool]] = {
        "refused: no frontal chest film": is_refused,
        "of these by the lungs' shape": lambda one: bool(one.implausible),
        # As in the gate: without plausible lungs it is refused, and no more is said of its side.
        "warned: mirrored": lambda one: one.kind == "mirrored" and not one.implausible,
        "looks adult": lambda one: one.looks_adult,
    }
    return {name: _share([tells(one) for one in lungs], patients) for name, tells in told.items()}


def is_refused(lungs: Lungs) -> bool:
    """Whether the gate refuses a film for its lungs or its kind."""
    # Mirrored is no ground to refuse: some hearts are on the right.
    return lungs.kind not in ("frontal", "mirrored") or bool(lungs.implausible)


def measure_changed(finder: LungFinder, pool: Pool, patients: np.ndarray) -> dict[str, Any]:
    """The same films turned, mirrored, noisy, cut in half, and with one lung made white."""
    films = pool.films.float() / 255
    rates = {}
    # Quarters of a turn and an inversion are exact: no pixel is resampled, nothing is lost.
    spoilt = {f"refused: {kind}": films.rot90(q, (2, 3)) for kind, q in TURNS.items()}
    spoilt["refused: negative"] = 1 - films
    half = films.shape[-1] // 2
    for side, part in {"left": films[..., :half], "right": films[..., half:]}.items():
        # Stretched to the whole input, as the clinic squashes any shape to a square.
        stretched = F.interpolate(part, films.shape[-2:], mode="bilinear")
        spoilt[f"refused: {side} half alone"] = stretched
    for name, changed in spoilt.items():
        lungs = look_at(finder, changed.contiguous()).read(finder.card)
        rates[name] = _share([is_refused(one) for one in lungs], patients)
    lungs = look_at(finder, films.flip(3).contiguous()).read(finder.card)
    # A film that is refused shows no result, so its side cannot mislead either.
    noticed = [one.kind == "mirrored" or is_refused(one) for one in lungs]
    rates["noticed: mirrored"] = _share(noticed, patients)
    known = pool.masked
    if known.any():
        rates |= _measure_masks(finder, films[known], pool.masks[known], patients[known.numpy()])
    return rates


def _measure_masks(
    finder: LungFinder, films: torch.Tensor, masks: torch.Tensor, patients: np.ndarray
) -> dict[str, Any]:
    """Dice of films turned a little, noisy, and with a lung made white; lungs lost of the last."""
    rates, generator = {}, torch.Generator().manual_seed(0)
    # Nothing but the angle changes, uniformly up to `TURN`: the number is what turning costs.
    places = draw_places(len(films), replace(Augment.none(), rotation=TURN), generator)
    # Masks turn with their films; what comes in at the corners is black and no lung.
    turned = move(torch.cat([films, masks.float()], 1), places)
    noisy = (films + NOISE * torch.randn(films.shape, generator=generator)).clamp(0, 1)
    for name, (changed, truth) in {
        f"Dice, turned up to {TURN:g} degrees": (turned[:, :1].contiguous(), turned[:, 1:]),
        "Dice, noisy": (noisy, masks),
    }.items():
        dice = dice_scores(look_at(finder, changed).masks, truth.numpy())
        rates[name] = _rate(dice.mean(1), patients)
    # Each lung in turn, the other left as it is.
    white_dice, lost = [], []
    for side in (0, 1):
        white = look_at(finder, whiten(films, masks, side))
        # Only the lung made white is counted: the other is as easy as before.
        inside, truth = white.masks[:, side] > 0.5, masks[:, side].numpy() > 127
        lost.append((inside & truth).sum((1, 2)) / truth.sum((1, 2)) < LOST)
        white_dice.append(dice_scores(white.masks, masks.numpy())[:, side])
    rates["Dice of a lung made white"] = _rate(np.mean(white_dice, 0), patients)
    # Of either side, by film: a share, so that none of them lost is not an interval of nothing.
    rates["lost: a lung made white"] = _share(np.any(lost, 0), patients)
    return rates


def whiten(films: torch.Tensor, masks: torch.Tensor, side: int) -> torch.Tensor:
    """Make one whole lung as bright as the brightest twentieth of its film, blurred at its edge."""
    # Over 9 pixels, so that the mask's own edge is not what the network finds.
    lung = F.avg_pool2d(masks[:, side : side + 1].float() / 255, 9, 1, 4)
    # Not by the very brightest, which may be a mark or a letter.
    bright = films.flatten(1).quantile(0.95, dim=1).view(-1, 1, 1, 1)
    # Harder than training: all of the lung, and only a tenth of it shows through.
    return films + 0.9 * lung * (bright - films)


def measure_others(finder: LungFinder, card: LungCard, root: Path) -> Measured:
    """Of what is no chest film, label by label: the share that is refused.

    Slices of one patient count as one, and so do crops of one photograph.
    """
    others, told = load_others(root, "apart", card.preprocessing.size)
    labels, patients = told["label"].to_numpy(), told["patient"].to_numpy()
    lungs = look_at(finder, torch.from_numpy(others)).read(card)
    refused = np.array([is_refused(one) for one in lungs])
    groups = {label: labels == label for label in pd.unique(labels)}
    groups["all"] = np.ones(len(labels), bool)
    return {
        f"no chest film, {label}": {
            "refused: no frontal chest film": _share(refused[rows], patients[rows])
        }
        for label, rows in groups.items()
    }


def dice_scores(probabilities: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Of masks found, (N, 2, S, S) in [0, 1], and true, 0 to 255: (N, 2) in [0, 1]."""
    # At one half, as the clinic draws outlines and adds up areas.
    found, truth = probabilities > 0.5, masks > 127
    both = (found & truth).sum((2, 3))
    # Two empty masks are 0 of 0, but true masks here have both lungs (`split_mask`).
    return 2 * both / np.maximum(found.sum((2, 3)) + truth.sum((2, 3)), 1)


def _share(cases: Sequence[bool] | np.ndarray, patients: np.ndarray) -> dict[str, Any]:
    # Binomial, because resampled shares near 0 and 1 promise too much.
    return asdict(share_rate(np.asarray(cases, bool), number_patients(patients)))


def _rate(values: np.ndarray, patients: np.ndarray) -> dict[str, Any]:
    return asdict(mean_rate(values, patients))


def load_validation(root: Path, size: int) -> tuple[Pool, np.ndarray]:
    """The frontal validation films, and which of them are of well children, (N,) bool."""
    table = read_lung_table(root)
    # Limits are a choice, and choices rest on validation: no test film comes in.
    rows = table[table["role"] == "validation"]
    pool = load_pool(rows, np.zeros((0, 1, size, size), np.uint8), root, size)
    return pool, ((rows["source"] == CHILDREN) & (rows["pneumonia"] == 0)).to_numpy()
