"""The trained network -> half precision, limits, measures -> `lungs.pt` and its card."""

import copy
import hashlib
import io
import platform
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from cxrapp.films.preprocess import Preprocessing
from cxrapp.model.bundle import DEFAULT
from cxrapp.model.card_file import load_card
from cxrapp.model.lung_finder import LungFinder, load_lungs
from cxrapp.model.lungs import KINDS, LungCard, describe
from cxrapp.model.script import freeze, load_script
from cxrapp.runtime.files import to_json, write_whole
from train.export import to_bytes, write_bundle
from train.files import write_atomically
from train.lungs import fit
from train.lungs.limits import look_at, set_limits
from train.lungs.measure import load_validation, measure_lungs
from train.lungs.network import ExportedLungs
from train.lungs.sheet import make_sheet

TOLERANCE = 0.02  # by which a stored probability may differ from the trained network's
PARITY_FILMS = 64
SOURCES = (
    "Masks: V7 COVID-19 X-ray dataset (CC BY 4.0), of films of Kermany et al. and of "
    "covid-chestxray; adults: COVID-19 Radiography Database and RSNA; limbs and CT slices; "
    "photographs of scikit-image; drawn pages, clouds and fields."
)


def export_lungs(
    exported: ExportedLungs,
    held_out: np.ndarray,
    root: Path,
    out: Path,
    run: Path,
    *,
    test: bool,
) -> LungCard:
    """Write the file and its card, checked before anything appears at `out`.

    Args:
        held_out: See `train.lungs.adult.fit_adult`.
        out: A bundle of children beside it says what becomes of the films of the sheet; without one
            there is no sheet.
        run: Folder where the measures are written as well.
        test: Open the children's official test as well.

    Raises:
        ValueError: What is stored does not say what the trained network says.
    """
    model = to_bytes(copy.deepcopy(exported).half())
    card = _blank_card(hashlib.sha256(model).hexdigest())
    finder = LungFinder(freeze(load_script(io.BytesIO(model))), card)
    pool, well = load_validation(root, card.preprocessing.size)
    check_parity(exported, finder, pool.films[:PARITY_FILMS])
    shapes, kinds, adult = set_limits(look_at(finder, pool.films), well, held_out)
    card = replace(card, shapes=shapes, kinds=kinds, adult=adult)
    finder = replace(finder, card=card)
    card = replace(card, measured=measure_lungs(finder, root, test=test))
    write_atomically(run / "measured.json", to_json(card.measured))
    out.parent.mkdir(parents=True, exist_ok=True)
    judging = out.with_name(f"{DEFAULT}.pt")
    if judging.exists():
        picture, sheet = make_sheet(finder, load_card(judging), root)
        write_whole(out.with_suffix(".jpg"), picture)
        card = replace(card, sheet=sheet)
    write_bundle(out, model, card)
    load_lungs(out)
    return card


def check_parity(exported: ExportedLungs, finder: LungFinder, films: torch.Tensor) -> None:
    """Compare the stored network with the trained one on films (N, 1, S, S) uint8.

    Raises:
        ValueError: Their probabilities differ by more than the tolerance.
    """
    with torch.no_grad():
        eager = exported(films.float() / 255)
    stored = look_at(finder, films)
    for ours, theirs, what in zip(eager, vars(stored).values(), vars(stored), strict=True):
        difference = float(np.abs(ours.numpy() - theirs).max())
        if not difference <= TOLERANCE:
            raise ValueError(f"The stored {what} differ from the trained by {difference:.2g}.")


def _blank_card(sha256: str) -> LungCard:
    """With no limits and no measures yet."""
    return LungCard(
        sha256=sha256,
        preprocessing=Preprocessing(fit.SIZES[-1][0]),
        shapes={name: (-1.0, 2.0) for name in describe(np.zeros((2, 1, 1), np.float32))},
        kinds={kind: 1.0 for kind in KINDS[1:]},
        adult=1.0,
        measured={},
        training={
            "films and masks": SOURCES,
            "sizes and epochs": [list(pair) for pair in fit.SIZES],
            "batch": fit.BATCH,
            "rate": fit.RATE,
            "stored as": "float16",
            "versions": {"python": platform.python_version(), "torch": torch.__version__},
        },
    )
