"""Checkpoint -> TorchScript -> reload -> compare with eager -> bundle and card.

python -m train export RUN --data DIR --out weights/NAME.pt
"""

import copy
import hashlib
import os
import platform
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
import torchvision

from cxrapp.bundle import Bundle, load_bundle, load_halves
from cxrapp.card import ModelCard
from cxrapp.explain import grad_cams
from cxrapp.predict import encode
from train import data
from train.evaluate import Evaluation, Run, load_run, measure, score

PARITY_FILMS = 16
PROBABILITY_TOLERANCE = 1e-4
HEAT_MAP_TOLERANCE = 1e-3
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
        scripted = torch.jit.script(run.network)
        scripted.save(part)
        eager = measure(run.recipe.findings, run.table, _score(run.network, run, root))
        card = _build_card(run, eager, part, folder, {"stored as": "float32"})
        check_parity(run, card, part, root)

        torch.jit.script(copy.deepcopy(run.network).half()).save(part)
        # Measured from the file as stored, so that the card and the clinic agree to the last digit.
        half = Bundle(card, *load_halves(part))
        stored = measure(run.recipe.findings, run.table, _score(half, run, root))
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


def _score(network: Any, run: Run, root: Path) -> dict[str, np.ndarray]:
    return score(network, run.table, root, run.preprocessing)


def check_parity(run: Run, card: ModelCard, path: Path, root: Path) -> None:
    """Compare the file with the eager network on real validation films.

    Raises:
        ValueError: Probabilities or heat maps differ by more than the tolerance.
    """
    rows = run.table[run.table["split"] == "validation"].head(PARITY_FILMS)
    films = np.stack(
        [run.preprocessing.to_input(data.read_film(root / p).pixels) for p in rows["path"]]
    )
    eager = Bundle(card, run.network.features, run.network.head)
    scripted = Bundle(card, *load_halves(path))
    maps, logits = zip(*(encode(bundle, films) for bundle in (eager, scripted)), strict=True)
    for k, calibration in enumerate(card.calibrations):
        probabilities = [calibration.probability(values[:, k]) for values in logits]
        _require(np.abs(np.subtract(*probabilities)).max(), PROBABILITY_TOLERANCE, "probabilities")
    cams = [
        np.stack([grad_cams(bundle, feature_map) for feature_map in feature_maps])
        for bundle, feature_maps in zip((eager, scripted), maps, strict=True)
    ]
    _require(np.abs(np.subtract(*cams)).max(), HEAT_MAP_TOLERANCE, "heat maps")


def _require(difference: float, tolerance: float, what: str) -> None:
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
        calibrations=evaluation.calibrations,
        operating_points=evaluation.operating_points,
        cohorts=evaluation.cohorts,
        metrics=evaluation.metrics,
        training={
            "recipe": run.recipe.as_dict(),
            "films": by_split.size().to_dict(),
            "patients": by_split["patient"].nunique().to_dict(),
            "data sha256": run.data,
            "best epoch": run.epoch,
            "history": history.to_dict(orient="list"),
            "weights": precision,
            "versions": {
                "python": platform.python_version(),
                "torch": str(torch.__version__),
                "torchvision": str(torchvision.__version__),
                "numpy": np.__version__,
            },
        },
    )
