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
from cxrapp.runtime.files import to_json
from train.evaluate import count_opening, read_openings
from train.export import to_bytes, write_bundle
from train.files import write_atomically
from train.lungs import fit
from train.lungs.limits import look_at, set_limits
from train.lungs.measure import load_validation, measure_lungs
from train.lungs.network import ExportedLungs
from train.lungs.sheet import make_sheet

# Limits and measures are of the stored network, so this has to find faults only, and not to bound
# what rounding does.
TOLERANCE = 0.02  # by which a stored probability may differ from the trained network's
PARITY_FILMS = 64  # of validation: two passes of the network
# On the card, as whoever gets the two files has no README: sources with their terms.
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
        test: Open the children's official test as well, which is counted in `run`.

    Raises:
        ValueError: What is stored does not say what the trained network says.
        InvalidBundle: The card of the children's bundle is damaged, or as `write_bundle`.
        OSError: As `write_bundle`.
    """
    # A copy, since `half` changes a network in place and the trained one is compared with it. Two
    # bytes a weight are 4 MB.
    model = to_bytes(copy.deepcopy(exported).half())
    # Limits and measures follow below: both are of the network as it is stored.
    card = _blank_card(hashlib.sha256(model).hexdigest())
    # Opened from the very bytes that are written: rounding may carry a film over a limit.
    finder = LungFinder(freeze(load_script(io.BytesIO(model))), card)
    # Not the films of the measures below: a limit that was set on them would flatter them.
    pool, well = load_validation(root, card.preprocessing.size)
    # Before anything rests on it: more than rounding here is a fault, and not a price.
    check_parity(exported, finder, pool.films[:PARITY_FILMS])
    shapes, kinds, adult = set_limits(look_at(finder, pool.films), well, held_out)
    card = replace(card, shapes=shapes, kinds=kinds, adult=adult)
    # With its limits, since measures are of what the clinic would refuse and warn of.
    finder = replace(finder, card=card)
    card = replace(card, measured=measure_lungs(finder, root, test=test))
    # Before anything is written: the films have been seen, whatever becomes of the numbers.
    if test:
        count_opening(run, card.sha256)
    card = replace(card, training=card.training | {"test openings": read_openings(run)})
    # Into the run first: should the rest fail, what the films have shown is not lost.
    write_atomically(run / "measured.json", to_json(card.measured))
    files: dict[Path, bytes] = {}
    # A verdict takes a bundle's card too, and only one of children refuses adults.
    judging = out.with_name(f"{DEFAULT}.pt")
    if judging.exists():
        files[out.with_suffix(".jpg")], sheet = make_sheet(finder, load_card(judging), root)
        card = replace(card, sheet=sheet)
    # Together: to the app a sheet beside another's card is damage.
    files |= {out.with_suffix(".json"): card.to_json().encode(), out: model}
    write_bundle(files, load_lungs)
    return card


def check_parity(exported: ExportedLungs, finder: LungFinder, films: torch.Tensor) -> None:
    """Compare the stored network with the trained one on films (N, 1, S, S) uint8.

    Raises:
        ValueError: Their probabilities differ by more than the tolerance.
    """
    with torch.no_grad():
        eager = exported(films.float() / 255)
    stored = look_at(finder, films)
    # `Looks` names its fields in the order of the network's answers, and `vars` keeps it.
    for ours, theirs, what in zip(eager, vars(stored).values(), vars(stored), strict=True):
        difference = float(np.abs(ours.numpy() - theirs).max())
        # Not `>`: every comparison with NaN is false, and a NaN must not pass.
        if not difference <= TOLERANCE:
            raise ValueError(f"The stored {what} differ from the trained by {difference:.2g}.")


def _blank_card(sha256: str) -> LungCard:
    """With no limits and no measures yet."""
    return LungCard(
        sha256=sha256,
        # The last size it was trained for; the clinic shows it no other.
        preprocessing=Preprocessing(fit.SIZES[-1][0]),
        # Placeholders until `set_limits`, wider than what `describe` gives; one pixel is enough for
        # its names.
        shapes={name: (-1.0, 2.0) for name in describe(np.zeros((2, 1, 1), np.float32))},
        kinds={kind: 1.0 for kind in KINDS[1:]},
        adult=1.0,
        measured={},
        training={
            # For people alone: no program reads what stands here.
            "films and masks": SOURCES,
            **fit.list_settings(fit.SIZES),
            "stored as": "float16",
            "versions": {"python": platform.python_version(), "torch": torch.__version__},
        },
    )
