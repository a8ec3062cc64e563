"""Checkpoint -> TorchScript -> reload -> compare with eager -> bundle and card.

python -m train export RUN --data DIR --out weights/NAME.pt
"""

import copy
import hashlib
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
from cxrapp.predict import encode, measure_distances
from train import data
from train.evaluate import Run, learn_distance, load_run, score
from train.measure import Evaluation, measure
from train.model import Exported
from train.shortcuts import read_shortcuts

PARITY_FILMS = 16
PROBABILITY_TOLERANCE = 1e-4
HEAT_MAP_TOLERANCE = 1e-3
DISTANCE_TOLERANCE = 1e-3  # of the limit
HALF_TOLERANCE = 5e-4  # AUROC that float16 may cost on validation before float32 is kept


def export(folder: Path, root: Path, out: Path) -> ModelCard:
    """Write a run's bundle and card, checked before anything appears at `out`.

    Raises:
        ValueError: The scripted network does not say what the eager one says.
    """
    run = load_run(folder)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent) as scratch:
        part = Path(scratch) / out.name
        distance = learn_distance(run, folder, root)
        eager = measure(run.recipe, run.table, score(run, distance, run, root))
        network = Exported(run.backbone, run.head, distance)
        scripted = torch.jit.script(network)
        scripted.save(part)
        card = _build_card(run, eager, part, folder, {"stored as": "float32"})
        check_parity(run, distance, card, part, root)

        torch.jit.script(copy.deepcopy(network).half()).save(part)
        # Measured from the file as stored, so that the card and the clinic agree to the last digit.
        half = Bundle(*load_parts(part), card)
        stored = measure(run.recipe, run.table, score(half, half.distance, run, root))
        cost = _auroc_cost(eager, stored, run)
        precision: dict[str, Any] = {"stored as": "float16", "AUROC cost of float16": cost}
        if max(cost["validation"].values()) > HALF_TOLERANCE:
            scripted.save(part)
            stored, precision["stored as"] = eager, "float32"
        card = _build_card(run, stored, part, folder, precision)
        part.with_suffix(".json").write_text(card.to_json())
        load_bundle(part)
        for path in (part, part.with_suffix(".json")):
            os.replace(path, out.with_suffix(path.suffix))
    return card


def check_parity(run: Run, distance: nn.Module, card: ModelCard, path: Path, root: Path) -> None:
    """Compare the file with the eager network on real validation films.

    Raises:
        ValueError: Probabilities, distances or heat maps differ by more than the tolerance.
    """
    rows = run.table[run.table["split"] == "validation"].head(PARITY_FILMS)
    films = np.stack(
        [run.preprocessing.to_input(data.read_film(root / p).pixels) for p in rows["path"]]
    )
    eager = Bundle(run.backbone, run.head, distance, card)
    scripted = Bundle(*load_parts(path), card)
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
    run: Run, evaluation: Evaluation, path: Path, folder: Path, precision: dict[str, Any]
) -> ModelCard:
    history = pd.read_csv(folder / "history.csv")
    by_split = run.table.groupby("split")
    return ModelCard(
        name=run.recipe.name,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        population=run.recipe.population,
        intended_use=run.recipe.intended_use,
        out_of_scope=run.recipe.out_of_scope,
        limits=run.recipe.limits,
        findings=run.recipe.findings,
        preprocessing=run.preprocessing,
        **vars(evaluation),
        shortcuts=read_shortcuts(run, folder),
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
