"""Measure a run: calibrate on validation, then read validation and the official test.

    python -m train evaluate RUN --data DIR

Writes RUN/evaluation.json (what the model card will say) and RUN/scores.csv (one line a film).
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from cxrapp.card import Calibration, Cohort, Finding
from cxrapp.decision import Rate, auroc_rate, operating_point
from cxrapp.predict import BATCH, Encoder, encode
from cxrapp.preprocess import Preprocessing
from train import data
from train.calibrate import find_operating_points, fit_calibration
from train.files import load_checkpoint, write_atomically
from train.model import Mirrored, Network, average_weights, build_network
from train.recipe import Recipe, recipe_from

COHORTS = {"validation": "validation patients, set apart from training", "test": "official test"}


@dataclass(frozen=True)
class Run:
    """A trained network and what it was trained by."""

    recipe: Recipe
    network: Network
    preprocessing: Preprocessing
    table: pd.DataFrame
    epoch: int
    data: str  # SHA-256 of the films and their split


@dataclass(frozen=True)
class Evaluation:
    """The measured part of a model card."""

    calibrations: tuple[Calibration, ...]
    operating_points: tuple[dict[str, float], ...]
    cohorts: dict[str, Cohort]
    metrics: dict[str, Any]


def load_run(folder: Path) -> Run:
    """The network of a run: its best epoch, averaged and mirrored as the recipe says.

    Raises:
        ValueError: The folder holds no finished epoch.
    """
    if not (folder / "best.pt").exists():
        raise ValueError(f"{folder} holds no best.pt: run `python -m train fit` first.")
    saved = load_checkpoint(folder / "best.pt")
    recipe = recipe_from(json.loads(saved["recipe"]))
    network = build_network(len(recipe.findings), recipe.dropout, "random").eval()
    weights = saved["model"]
    if recipe.average:
        last = load_checkpoint(folder / "last.pt")["trainer"]["model"]
        weights = average_weights(weights, last)
    network.load_state_dict(weights)
    if recipe.mirror:
        network.features = Mirrored(network.features).eval()
    table = pd.read_csv(folder / "split.csv")
    return Run(recipe, network, Preprocessing(saved["size"]), table, saved["epoch"], saved["data"])


def evaluate(folder: Path, root: Path) -> Evaluation:
    """Measure the eager network of a run and write the numbers down."""
    run = load_run(folder)
    logits = score(run.network, run.table, root, run.preprocessing)
    evaluation = measure(run.recipe.findings, run.table, logits)
    metrics = json.dumps(evaluation.metrics, indent=1)
    write_atomically(folder / "evaluation.json", metrics)
    scored = run.table[run.table["split"].isin(COHORTS)].reset_index(drop=True)
    for k, finding in enumerate(run.recipe.findings):
        scored[f"{finding.name}_probability"] = np.concatenate(
            [
                evaluation.calibrations[k].probability(logits[c][:, k])
                for c in scored["split"].unique()
            ]
        )
    write_atomically(folder / "scores.csv", scored.to_csv(index=False))
    print(to_text(evaluation))
    return evaluation


def score(
    network: Encoder, table: pd.DataFrame, root: Path, preprocessing: Preprocessing
) -> dict[str, np.ndarray]:
    """Cohort -> logits (N, K), read and shaped exactly as the clinic does."""
    return {
        cohort: _score_paths(network, [root / p for p in rows["path"]], preprocessing, cohort)
        for cohort, rows in table.groupby("split", sort=False)
        if cohort in COHORTS
    }


def _score_paths(
    network: Encoder, paths: list[Path], preprocessing: Preprocessing, title: str
) -> np.ndarray:
    logits = []
    for start in tqdm(range(0, len(paths), BATCH), desc=f"scoring {title}", disable=None):
        films = [data.read_film(path).pixels for path in paths[start : start + BATCH]]
        logits.append(encode(network, np.stack([preprocessing.to_input(f) for f in films]))[1])
    # Five decimals are the card's; rounding here keeps every later number consistent with it.
    return np.concatenate(logits).astype(np.float64).round(5)


def measure(
    findings: tuple[Finding, ...], table: pd.DataFrame, logits: dict[str, np.ndarray]
) -> Evaluation:
    """Calibrate and choose thresholds on validation, then measure every cohort by patient."""
    cohorts = {}
    for name, values in logits.items():
        rows = table[table["split"] == name]
        patients = pd.factorize(rows["patient"])[0]
        films, children = len(rows), len(np.unique(patients))
        cohorts[name] = Cohort(
            f"{films:,} films of {children:,} patients ({COHORTS[name]})",
            patients,
            rows[[f.name for f in findings]].to_numpy(float),
            values,
        )

    calibrations, points = [], []
    metrics: dict[str, Any] = {name: {} for name in cohorts}
    for k, finding in enumerate(findings):
        labels, values, patients = _defined(cohorts["validation"], k)
        calibration = fit_calibration(labels, values)
        named = find_operating_points(labels, calibration.probability(values), patients)
        calibrations.append(calibration)
        points.append(named)
        for name, cohort in cohorts.items():
            labels, values, patients = _defined(cohort, k)
            probabilities = calibration.probability(values)
            default = next(iter(named.values()))
            metrics[name][finding.name] = {
                "auroc": asdict(auroc_rate(labels, probabilities, patients)),
                **asdict(operating_point(labels, probabilities, default, patients)),
            }
    return Evaluation(tuple(calibrations), tuple(points), cohorts, metrics)


def _defined(cohort: Cohort, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels (N,) bool, logits (N,) and patients (N,) where finding k is defined."""
    defined = ~np.isnan(cohort.labels[:, k])
    return cohort.labels[defined, k] == 1, cohort.logits[defined, k], cohort.patients[defined]


def to_text(evaluation: Evaluation) -> str:
    """The numbers as a table for a terminal: value and 95 % interval by patient."""
    measures = ("auroc", "sensitivity", "specificity", "precision", "accuracy", "f1")
    lines = []
    for cohort, findings in evaluation.metrics.items():
        lines.append(evaluation.cohorts[cohort].description)
        for finding, values in findings.items():
            lines.append(f"  {finding} at {values['threshold']:.3f}, {values['auroc']['n']} films")
            for measure_name in measures:
                rate = Rate(**values[measure_name])
                lines.append(
                    f"    {measure_name:12} {rate.value:.3f} ({rate.low:.3f} to {rate.high:.3f})"
                )
    return "\n".join(lines)
