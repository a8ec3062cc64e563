"""Scores -> the measured part of a model card: gate, calibration, thresholds, and every number.

Limits, calibration and thresholds are set on validation; every number carries its interval by
patient.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from cxrapp.bootstrap import Rate
from cxrapp.card import Calibration, Cohort, Finding, Gate
from cxrapp.decision import (
    auroc_rate,
    calibration_error,
    operating_point,
    share_rate,
)
from cxrapp.reading import read_classes
from train.calibrate import find_operating_points, fit_calibration
from train.gate import set_limits
from train.recipe import Recipe

COHORTS = {
    "validation": "validation patients, set apart from training; each film at a random shape and "
    "sharpness, as machines differ",
    "test": "official test",
}
OTHER_TESTS = " of kermany, and patients set apart for good in every other source"
GROUPED_BY = ("source", "view")
MIN_GROUP = 10  # films with and without a finding below which a group is not measured


@dataclass(frozen=True)
class Scores:
    """What a network says about N films: logits (N, K) and distances (N,), float64."""

    logits: np.ndarray
    distances: np.ndarray


@dataclass(frozen=True)
class Evaluation:
    """The measured part of a model card; see `cxrapp.card.ModelCard` for the fields."""

    gate: Gate
    calibrations: tuple[Calibration, ...]
    operating_points: tuple[dict[str, float], ...]
    cohorts: dict[str, Cohort]
    metrics: dict[str, Any]
    groups: dict[str, Any]


def measure(recipe: Recipe, table: pd.DataFrame, scores: dict[str, Scores]) -> Evaluation:
    """Set what validation decides, then measure every cohort and the groups of the test."""
    rows = {name: table[table["split"] == name] for name in scores}
    cohorts = {name: _make_cohort(recipe, name, rows[name], scores[name]) for name in scores}
    calibrations, points = [], []
    for k in range(len(recipe.findings)):
        labels, logits, patients = _defined(cohorts["validation"], k)
        calibration = fit_calibration(labels, logits)
        named = find_operating_points(labels, calibration.probability(logits), patients)
        calibrations.append(calibration)
        points.append(named)
    evaluation = Evaluation(
        set_limits(recipe, cohorts["validation"].distances),
        tuple(calibrations),
        tuple(points),
        cohorts,
        metrics={},
        groups={},
    )
    for name, cohort in cohorts.items():
        evaluation.metrics[name] = _measure_cohort(recipe.findings, evaluation, cohort)
    for column in GROUPED_BY:
        values = rows["test"][column]
        named = values.dropna().unique()
        for value in named if len(named) > 1 else ():
            part = cohorts["test"].subset(values.to_numpy() == value)
            measured = _measure_cohort(recipe.findings, evaluation, part, MIN_GROUP)
            evaluation.groups[f"{column} {value}"] = measured
    return evaluation


def _make_cohort(recipe: Recipe, name: str, rows: pd.DataFrame, scores: Scores) -> Cohort:
    patients = pd.factorize(rows["patient"])[0]
    who = COHORTS[name]
    if name == "test" and recipe.held_out:
        who = f"every film of {recipe.held_out}, which training left out"
    elif name == "test" and len(recipe.sources) > 1:
        who += OTHER_TESTS
    return Cohort(
        f"{len(rows):,} films of {rows['patient'].nunique():,} patients ({who})",
        patients,
        rows[[finding.name for finding in recipe.findings]].to_numpy(float),
        scores.logits,
        scores.distances,
    )


def _defined(cohort: Cohort, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels (N,) bool, logits (N,) and patients (N,) where finding k is defined."""
    defined = ~np.isnan(cohort.labels[:, k])
    return cohort.labels[defined, k] == 1, cohort.logits[defined, k], cohort.patients[defined]


def _measure_cohort(
    findings: tuple[Finding, ...], evaluation: Evaluation, cohort: Cohort, fewest: int = 1
) -> dict[str, Any]:
    """Finding -> measures at its default threshold; and what holds for all findings together.

    A finding with fewer than `fewest` films of either kind is left out.
    """
    measured: dict[str, Any] = {}
    calls = np.empty_like(cohort.labels)
    for k, finding in enumerate(findings):
        calibration = evaluation.calibrations[k]
        threshold = next(iter(evaluation.operating_points[k].values()))
        calls[:, k] = calibration.probability(cohort.logits[:, k]) >= threshold
        labels, logits, patients = _defined(cohort, k)
        if min(labels.sum(), (~labels).sum()) >= fewest:
            probabilities = calibration.probability(logits)
            measured[finding.name] = {
                "auroc": asdict(auroc_rate(labels, probabilities, patients)),
                "calibration_error": asdict(calibration_error(labels, probabilities, patients)),
                **asdict(operating_point(labels, probabilities, threshold, patients)),
            }
    accepted = share_rate(cohort.distances <= evaluation.gate.warn, cohort.patients)
    together = {"accuracy": _joint_accuracy(cohort, calls), "accepted": accepted}
    measured["all findings"] = {name: asdict(rate) for name, rate in together.items() if rate}
    return measured


def _joint_accuracy(cohort: Cohort, calls: np.ndarray) -> Rate | None:
    """Share of films whose class is read right, for normal, bacterial or viral the three-class one.

    None where no film has every label it should have.
    """
    truth = read_classes(cohort.labels)
    known = truth >= 0
    if not known.any():
        return None
    return share_rate((truth == read_classes(calls))[known], cohort.patients[known])


def against_the_rest(
    truth: np.ndarray,
    said: np.ndarray,
    probabilities: np.ndarray,
    patients: np.ndarray,
    names: tuple[str, ...],
) -> dict[str, Any]:
    """Class -> its measures against all others; classes without films are left out.

    Args:
        truth, said: (N,) int, numbers of classes.
        probabilities: (N, C).
        patients: (N,) int.
        names: C of them.
    """
    return {
        name: {
            "auroc": asdict(auroc_rate(truth == c, probabilities[:, c], patients)),
            **asdict(operating_point(truth == c, (said == c).astype(float), 0.5, patients)),
        }
        for c, name in enumerate(names)
        if 0 < (truth == c).sum() < len(truth)
    }


def to_text(evaluation: Evaluation) -> str:
    """The numbers as a table for a terminal: value and 95 % interval by patient."""
    lines = []
    titles = {name: cohort.description for name, cohort in evaluation.cohorts.items()}
    for title, findings in {**evaluation.metrics, **evaluation.groups}.items():
        lines.append(titles.get(title, title))
        for finding, values in findings.items():
            at = f" at {values['threshold']:.3f}" if "threshold" in values else ""
            lines.append(f"  {finding}{at}")
            for name, value in values.items():
                if isinstance(value, dict):
                    lines.append(f"    {name:17} {Rate(**value)}, {value['n']} films")
    return "\n".join(lines)
