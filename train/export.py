"""Checkpoint -> TorchScript -> reload -> compare with eager -> bundle and card.

python -m train export RUN --data DIR --out weights/NAME.pt [--int8]
"""

import copy
import hashlib
import io
import os
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from cxrapp.explain import grad_cams
from cxrapp.model.bundle import Bundle, load_bundle, load_parts
from cxrapp.model.card import ModelCard
from cxrapp.model.predict import encode, measure_distances
from cxrapp.runtime.files import stage, write_whole
from train import data
from train.distance import fit_distance
from train.evaluate import (
    Run,
    encode_training_films,
    evaluate,
    learn_distance,
    load_run,
    read_openings,
    score,
)
from train.lung_evidence import measure_chance
from train.measure import Evaluation, measure
from train.model import Exported, ExportedInt8
from train.parity import compare, compare_time
from train.quantise import FILMS, quantise
from train.shortcuts import read_shortcuts, warn_of

PARITY_FILMS = 16  # compared in one pass of each network
# For rounding alone: eager and scripted are one program in float32.
PROBABILITY_TOLERANCE = 1e-4  # logits were measured to differ by 1e-6
HEAT_MAP_TOLERANCE = 1e-3  # in logits, as the cells of a map are
DISTANCE_TOLERANCE = 1e-3  # of the limit
# AUROC that a form may cost on validation, before float32 is kept or int8 is refused.
# Measured: float16 moves logits of a random DenseNet121 by up to 2e-3, and eight bits cost the
# shipped one at most 0.0007 of AUROC.
COSTS = {"float16": 5e-4, "int8": 5e-3}
INT8_LIMIT = (
    "Runs in eight bits, for speed: scores are near those of the bundle in float32, but others, "
    "and may differ by a hundredth between processors. What it knows without the lungs was "
    "measured in float32."
)


def export(folder: Path, root: Path, out: Path, *, int8: bool = False) -> ModelCard:
    """Write a run's bundle and card, checked before anything appears at `out`.

    A bundle says how it does on the official test, so this opens it.

    Args:
        int8: The backbone in eight bits as well, which is what then runs, is calibrated and is
            measured.

    Raises:
        ValueError: The scripted network does not say what the eager one says, or int8 tells
            patients apart less well, or there are too few films to measure it.
        InvalidBundle, OSError: As `write_bundle`.
    """
    run, trained = load_run(folder), evaluate(folder, root, test=True)
    # First, as a card with a gap would be refused as well, but only after everything was scored.
    require_numbers(trained.metrics)
    if int8:
        # With a distance of its own: eight bits move the averages, and the gate magnifies that.
        running = replace(run, backbone=_quantise(run, root))
        distance = fit_distance(encode_training_films(running, root))
    else:
        running, distance = run, learn_distance(run, folder, root)

    def pack(network: Exported) -> bytes:
        # Eight bits join here and not before: `half` below is for the floats alone.
        return to_bytes(ExportedInt8(network, running.backbone) if int8 else network)

    network, kind = Exported(run.backbone, run.head, distance), "int8" if int8 else "float16"
    exact = pack(network)
    # A card for the time being: a bundle cannot be opened without one, and calibration and limits
    # say how large a difference is.
    card = _build_card(run, trained, exact, folder, {"stored as": "float32"})
    # Before anything is rounded: what differs here is a fault, and not a price.
    check_parity(running, distance, _open(exact, card), root)

    # Half the size, and as a copy, since `half` changes a network in place.
    model = pack(copy.deepcopy(network).half())  # 16 MB of DenseNet121
    # Measured from the file as stored, so that the card and the clinic agree to the last digit.
    opened = _open(model, card)
    scores = score(opened, opened.distance, run, root)
    stored = measure(run.recipe, run.table, scores)
    # Of the same films and labels, so that the form alone can make a difference.
    cost = _auroc_cost(trained.metrics, stored.metrics)
    precision: dict[str, Any] = {"stored as": kind, f"AUROC cost of {kind}": cost}
    # Validation decides; what it costs on the test is only written down.
    if (worst := max(cost["validation"].values())) > COSTS[kind]:
        if int8:
            raise ValueError(
                f"In eight bits {worst:.4f} of AUROC is lost on validation films, more than "
                f"{COSTS[kind]:g}: export without --int8."
            )
        # Half precision was our own idea, so it is taken back without a word.
        model, stored, precision["stored as"] = exact, trained, "float32"
        opened = _open(model, card)
        scores = score(opened, opened.distance, run, root)
    # Eight bits leave no convolution to run in bfloat16.
    if not int8:
        # Whichever processor a clinic has, its card must say whether decisions stay the same.
        rounded = _open(model, card, bfloat16=True)
        precision["bfloat16"] = compare(
            _build_card(run, stored, model, folder, precision),
            scores,
            score(rounded, rounded.distance, run, root),
            compare_time(opened, rounded),
        )
    card = _build_card(run, stored, model, folder, precision)
    # Of the network as it will run: readers hold its own maps against this, and in eight bits they
    # are others.
    card = replace(card, lung_chance=measure_chance(opened, run, root))
    # Only now is the bundle touched that may stand there: until here any error leaves it in use.
    write_bundle({out.with_suffix(".json"): card.to_json().encode(), out: model}, load_bundle)
    return card


def require_numbers(metrics: dict[str, Any]) -> None:
    """Raises ValueError where a measure is no number: a card has no gaps."""
    lacking = [
        f"{measure} of {finding} on {cohort} films"
        for cohort, findings in metrics.items()
        for finding, rates in findings.items()
        for measure, rate in rates.items()
        # Some measures are rates with intervals, others plain numbers, such as counts.
        if not np.isfinite(rate["value"] if isinstance(rate, dict) else rate)
    ]
    if lacking:
        raise ValueError(f"There are too few films to measure {', '.join(lacking)}.")


def _quantise(run: Run, root: Path) -> nn.Module:
    """The run's backbone in int8, its scales set on some of the training films."""
    train = run.table[run.table["split"] == "train"]
    # By the recipe's seed, so that a run exported again gets the same scales. Training films:
    # fitted to the films it is measured on, eight bits would look better than they are.
    rows = train.sample(min(FILMS, len(train)), random_state=run.recipe.seed)
    return quantise(run.backbone, data.load_films(rows, root, run.preprocessing))


def to_bytes(network: nn.Module) -> bytes:
    """A network as TorchScript."""
    buffer = io.BytesIO()  # to a path, PyTorch ends the whole process where the disk is full
    # Scripted and not traced: 3 seconds for a DenseNet121 instead of 28, for as large a file.
    torch.jit.save(torch.jit.script(network), buffer)
    return buffer.getvalue()


def _open(model: bytes, card: ModelCard, *, bfloat16: bool = False) -> Bundle:
    # Without the checks of `load_bundle`: these bytes were made here, by this program.
    return Bundle(*load_parts(io.BytesIO(model), bfloat16=bfloat16), card)


def write_bundle(files: dict[Path, bytes], load: Callable[[Path], object]) -> None:
    """Write files that belong together, the network's last, once they load elsewhere.

    None stands beside one of another bundle, not for a moment: older ones go first, the network's
    before all others. Killed in between, it is missing, rather than beside another's card.

    Args:
        load: As the app loads them, by the path of the network's.

    Raises:
        InvalidBundle: The app would refuse them; what was there stays.
        OSError: They cannot be written.
    """
    *_, out = files
    # What would be refused in a clinic takes no good bundle's place.
    with tempfile.TemporaryDirectory() as scratch:
        for path, data in files.items():
            write_whole(Path(scratch) / path.name, data)
        load(Path(scratch) / out.name)
    out.parent.mkdir(parents=True, exist_ok=True)
    # All are on the disk under other names before any counts: where there is no room for them, the
    # bundle that was there stays.
    staged = {path: stage(path, data) for path, data in files.items()}
    for path in reversed(staged):
        path.unlink(missing_ok=True)
    for path, part in staged.items():
        os.replace(part, path)


def check_parity(run: Run, distance: nn.Module, scripted: Bundle, root: Path) -> None:
    """Compare a bundle with the eager network on real validation films.

    Raises:
        ValueError: Probabilities, distances or heat maps differ by more than the tolerance.
    """
    # Real films, as on made-up ones there is no evidence for a map to show.
    rows = run.table[run.table["split"] == "validation"].head(PARITY_FILMS)
    films = np.stack(
        [run.preprocessing.to_input(data.read_film(root / p).pixels) for p in rows["path"]]
    )
    card = scripted.card
    # With the same card, so that no calibration or limit can make a difference.
    eager = Bundle(run.backbone, run.head, distance, card)
    ours, theirs = (encode(bundle, films) for bundle in (eager, scripted))
    for k, calibration in enumerate(card.calibrations):
        probabilities = [calibration.probability(e.logits[:, k]) for e in (ours, theirs)]
        _require(np.subtract(*probabilities), PROBABILITY_TOLERANCE, "probabilities")
    distances = [measure_distances(distance, e.averages) for e in (ours, theirs)]
    # Distances have no unit: by how much a film could miss the limit is what counts.
    _require(np.subtract(*distances) / card.gate.warn, DISTANCE_TOLERANCE, "distances")
    # Each from its own network's feature map, so that backbone and head are both compared.
    for first, second in zip(ours.feature_maps, theirs.feature_maps, strict=True):
        cams = grad_cams(eager, first), grad_cams(scripted, second)
        _require(np.subtract(*cams), HEAT_MAP_TOLERANCE, "heat maps")


def _require(differences: np.ndarray, tolerance: float, what: str) -> None:
    difference = np.abs(differences).max()
    # Put this way round, as every comparison with NaN is false: it must not pass.
    if not difference <= tolerance:
        raise ValueError(
            f"The exported {what} differ from the eager network's by {difference:.2g}, "
            f"more than {tolerance:g}."
        )


def _auroc_cost(trained: dict[str, Any], stored: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Cohort -> finding -> AUROC of the network as trained minus that of the one as stored."""
    return {
        cohort: {
            finding: round(rates["auroc"]["value"] - stored[cohort][finding]["auroc"]["value"], 6)
            for finding, rates in findings.items()
            # All findings together have none, and one with films of a single kind is not there.
            if "auroc" in rates
        }
        for cohort, findings in trained.items()
    }


def _build_card(
    run: Run, evaluation: Evaluation, model: bytes, folder: Path, precision: dict[str, Any]
) -> ModelCard:
    # All epochs: the app's page about the model draws how it has learned.
    history = pd.read_csv(folder / "history.csv")
    by_split = run.table.groupby("split")
    shortcuts = read_shortcuts(run, folder)
    int8 = precision["stored as"] == "int8"
    return ModelCard(
        name=run.recipe.name + "-int8" * int8,
        sha256=hashlib.sha256(model).hexdigest(),
        population=run.recipe.population,
        intended_use=run.recipe.intended_use,
        out_of_scope=run.recipe.out_of_scope,
        limits=(
            *run.recipe.limits,
            *warn_of(shortcuts, run.recipe.findings),
            *[INT8_LIMIT] * int8,
        ),
        findings=run.recipe.findings,
        preprocessing=run.preprocessing,
        # Field by field what the card says was measured.
        **vars(evaluation),
        shortcuts=shortcuts,
        training={
            "recipe": run.recipe.as_dict(),
            "films": by_split.size().to_dict(),
            "patients": by_split["patient"].nunique().to_dict(),
            "data sha256": run.data,  # of the films and their split
            "best epoch": run.epoch,
            "history": history.to_dict(orient="list"),
            "weights": precision,
            "versions": run.versions,  # of the training, not of this export
            # Beside what the test has shown: a number means less the more often films were looked
            # at.
            "test openings": read_openings(folder),
        },
    )
