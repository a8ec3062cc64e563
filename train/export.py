"""Checkpoint -> TorchScript -> reload -> compare with eager -> bundle and card.

python -m train export RUN --data DIR --out weights/NAME.pt
"""

import copy
import hashlib
import io
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from cxrapp.bundle import Bundle, load_bundle, load_parts
from cxrapp.card import ModelCard
from cxrapp.explain import grad_cams
from cxrapp.files import stage
from cxrapp.predict import encode, measure_distances
from train import data
from train.evaluate import Run, learn_distance, load_run, score
from train.measure import Evaluation, measure
from train.model import Exported
from train.shortcuts import read_shortcuts, warn_of

PARITY_FILMS = 16
PROBABILITY_TOLERANCE = 1e-4
HEAT_MAP_TOLERANCE = 1e-3
DISTANCE_TOLERANCE = 1e-3  # of the limit
HALF_TOLERANCE = 5e-4  # AUROC that float16 may cost on validation before float32 is kept


def export(folder: Path, root: Path, out: Path) -> ModelCard:
    """Write a run's bundle and card, checked before anything appears at `out`.

    Raises:
        ValueError: The scripted network does not say what the eager one says, or there are too few
            films to measure it.
        OSError: The bundle cannot be written.
    """
    run = load_run(folder)
    distance = learn_distance(run, folder, root)
    eager = measure(run.recipe, run.table, score(run, distance, run, root))
    require_numbers(eager.metrics)
    network = Exported(run.backbone, run.head, distance)
    scripted = _to_bytes(network)
    card = _build_card(run, eager, scripted, folder, {"stored as": "float32"})
    check_parity(run, distance, _open(scripted, card), root)

    model = _to_bytes(copy.deepcopy(network).half())
    # Measured from the file as stored, so that the card and the clinic agree to the last digit.
    half = _open(model, card)
    stored = measure(run.recipe, run.table, score(half, half.distance, run, root))
    cost = _auroc_cost(eager, stored, run)
    precision: dict[str, Any] = {"stored as": "float16", "AUROC cost of float16": cost}
    if max(cost["validation"].values()) > HALF_TOLERANCE:
        model, stored, precision["stored as"] = scripted, eager, "float32"
    card = _build_card(run, stored, model, folder, precision)
    with tempfile.TemporaryDirectory() as scratch:
        rehearsal = Path(scratch) / out.name
        _write_bundle(rehearsal, model, card)
        load_bundle(rehearsal)
    out.parent.mkdir(parents=True, exist_ok=True)
    _write_bundle(out, model, card)
    return card


def require_numbers(metrics: dict[str, Any]) -> None:
    """Raises ValueError where a measure is no number: a card has no gaps."""
    lacking = [
        f"{measure} of {finding} on {cohort} films"
        for cohort, findings in metrics.items()
        for finding, rates in findings.items()
        for measure, rate in rates.items()
        if not np.isfinite(rate["value"] if isinstance(rate, dict) else rate)
    ]
    if lacking:
        raise ValueError(f"There are too few films to measure {', '.join(lacking)}.")


def _to_bytes(network: nn.Module) -> bytes:
    buffer = io.BytesIO()  # to a path, PyTorch ends the whole process where the disk is full
    torch.jit.save(torch.jit.script(network), buffer)
    return buffer.getvalue()


def _open(model: bytes, card: ModelCard) -> Bundle:
    return Bundle(*load_parts(io.BytesIO(model)), card)


def _write_bundle(out: Path, model: bytes, card: ModelCard) -> None:
    """Write both files; a model file never stands beside the card of another.

    The card takes its name first, and an older model file is gone by then: killed in between, no
    bundle is there, rather than one that is refused.
    """
    beside = out.with_suffix(".json")
    staged = {beside: stage(beside, card.to_json().encode()), out: stage(out, model)}
    out.unlink(missing_ok=True)
    for path, part in staged.items():
        os.replace(part, path)


def check_parity(run: Run, distance: nn.Module, scripted: Bundle, root: Path) -> None:
    """Compare a bundle with the eager network on real validation films.

    Raises:
        ValueError: Probabilities, distances or heat maps differ by more than the tolerance.
    """
    rows = run.table[run.table["split"] == "validation"].head(PARITY_FILMS)
    films = np.stack(
        [run.preprocessing.to_input(data.read_film(root / p).pixels) for p in rows["path"]]
    )
    card = scripted.card
    eager = Bundle(run.backbone, run.head, distance, card)
    ours, theirs = (encode(bundle, films) for bundle in (eager, scripted))
    for k, calibration in enumerate(card.calibrations):
        probabilities = [calibration.probability(e.logits[:, k]) for e in (ours, theirs)]
        _require(np.subtract(*probabilities), PROBABILITY_TOLERANCE, "probabilities")
    distances = [measure_distances(distance, e.averages) for e in (ours, theirs)]
    _require(np.subtract(*distances) / card.gate.warn, DISTANCE_TOLERANCE, "distances")
    for first, second in zip(ours.feature_maps, theirs.feature_maps, strict=True):
        cams = grad_cams(eager, first), grad_cams(scripted, second)
        _require(np.subtract(*cams), HEAT_MAP_TOLERANCE, "heat maps")


def _require(differences: np.ndarray, tolerance: float, what: str) -> None:
    difference = np.abs(differences).max()
    if not difference <= tolerance:
        raise ValueError(
            f"The exported {what} differ from the eager network's by {difference:.2g}, "
            f"more than {tolerance:g}."
        )


def _auroc_cost(eager: Evaluation, stored: Evaluation, run: Run) -> dict[str, dict[str, float]]:
    """Cohort -> finding -> AUROC of float32 minus AUROC of the stored weights."""
    return {
        cohort: {
            f.name: round(
                eager.metrics[cohort][f.name]["auroc"]["value"]
                - stored.metrics[cohort][f.name]["auroc"]["value"],
                6,
            )
            for f in run.recipe.findings
        }
        for cohort in eager.metrics
    }


def _build_card(
    run: Run, evaluation: Evaluation, model: bytes, folder: Path, precision: dict[str, Any]
) -> ModelCard:
    history = pd.read_csv(folder / "history.csv")
    by_split = run.table.groupby("split")
    shortcuts = read_shortcuts(run, folder)
    return ModelCard(
        name=run.recipe.name,
        sha256=hashlib.sha256(model).hexdigest(),
        population=run.recipe.population,
        intended_use=run.recipe.intended_use,
        out_of_scope=run.recipe.out_of_scope,
        limits=(*run.recipe.limits, *warn_of(shortcuts, run.recipe.findings)),
        findings=run.recipe.findings,
        preprocessing=run.preprocessing,
        **vars(evaluation),
        shortcuts=shortcuts,
        training={
            "recipe": run.recipe.as_dict(),
            "films": by_split.size().to_dict(),
            "patients": by_split["patient"].nunique().to_dict(),
            "data sha256": run.data,
            "best epoch": run.epoch,
            "history": history.to_dict(orient="list"),
            "weights": precision,
            "versions": run.versions,
        },
    )
