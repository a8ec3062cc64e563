"""Scores -> the measured part of a model card: gate, calibration, thresholds, and every number.

Limits, calibration and thresholds are set on validation; every number carries its interval by
patient.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from cxrapp.model.card import Calibration, Cohort, Finding, Gate
from cxrapp.model.chain import read_classes
from cxrapp.model.scores import Scores
from cxrapp.statistics.bootstrap import Rate, share_rate
from cxrapp.statistics.curves import auroc_rate
from cxrapp.statistics.operating_point import operating_point
from cxrapp.statistics.recalibration import fit_site_calibration
from train.calibrate import find_operating_points, fit_calibration
from train.distance import set_limits
from train.recipe import Augment, Recipe

COHORTS = ("validation", "left out", "test")  # in the order of cards and reports
# What may go with the answer without being disease: some machines made films of the sick only.
GROUPED_BY = ("source", "view", "machine")
UNNAMED = ("radiography", "rsna")  # collections that do not say whose a film is
# Of fewer, a single film could move it by a tenth or more.
MIN_GROUP = 10  # films with and without a finding below which a group has no AUROC


@dataclass(frozen=True)
class Outputs:
    """What a network says about N films: logits (N, K) and distances (N,), float64."""

    logits: np.ndarray
    distances: np.ndarray


@dataclass(frozen=True)
class Evaluation:
    """The measured part of a model card; see `cxrapp.model.card.ModelCard` for the fields."""

    gate: Gate
    calibrations: tuple[Calibration, ...]
    operating_points: tuple[dict[str, float], ...]
    cohorts: dict[str, Cohort]
    metrics: dict[str, Any]
    groups: dict[str, Any]


def measure(recipe: Recipe, table: pd.DataFrame, outputs: dict[str, Outputs]) -> Evaluation:
    """Set what validation decides, then measure every cohort and the groups of the test."""
    # Row by row what `outputs` holds: films are scored in the table's order.
    rows = {name: table[table["split"] == name] for name in outputs}
    cohorts = {name: _make_cohort(recipe, name, rows[name], outputs[name]) for name in outputs}
    calibrations, points = [], []
    for k in range(len(recipe.findings)):
        validation = cohorts["validation"]
        # A normal film has no answer to bacterial or viral, and no say in how that is calibrated.
        defined = ~np.isnan(validation.labels[:, k])
        labels, logits = validation.labels[defined, k] == 1, validation.logits[defined, k]
        calibration = fit_calibration(labels, logits)
        # What is asked of everybody is screened for. What is asked of the ill tells two illnesses
        # apart, and either mistake is as bad.
        screens = recipe.findings[k].given is None
        named = find_operating_points(validation.scores(k, calibration), screens=screens)
        calibrations.append(calibration)
        points.append(named)
    evaluation = Evaluation(
        # Of all validation films, whatever is known of them: a gate judges the film, not an answer.
        set_limits(recipe, cohorts["validation"].distances),
        tuple(calibrations),
        tuple(points),
        cohorts,
        # Both filled below: to measure a cohort takes the limits that are set here.
        metrics={},
        groups={},
    )
    whole = {name: asks_everything(recipe.findings, rows[name]) for name in rows}
    for name, cohort in cohorts.items():
        evaluation.metrics[name] = _measure_cohort(evaluation, recipe, cohort, whole[name])
        # Of every cohort: a machine with many false alarms must show on validation, where something
        # can still be chosen, and not on the test alone.
        for column in GROUPED_BY:
            evaluation.groups.update(_measure_groups(evaluation, recipe, rows[name], name, column))
    return evaluation


def _measure_groups(
    evaluation: Evaluation, recipe: Recipe, rows: pd.DataFrame, name: str, column: str
) -> dict[str, Any]:
    """Parts of a cohort by a column of its table, where that parts it at all."""
    values, groups = rows[column], {}
    named = sorted(values.dropna().unique())  # in one order on every card
    # One value parts nothing: the group would be the cohort once more.
    for value in named if len(named) > 1 else ():
        # Films of which the column says nothing are in no group: NaN equals no value.
        part = evaluation.cohorts[name].subset(values.to_numpy() == value)
        measured = {
            finding.name: _measure_part(evaluation, part, k)
            for k, finding in enumerate(recipe.findings)
        }
        # Without findings that none of its films answers: a card has no gaps.
        groups[f"{name}, {column} {value}"] = {f: rates for f, rates in measured.items() if rates}
    return groups


def _measure_part(evaluation: Evaluation, part: Cohort, k: int) -> dict[str, Any]:
    """False alarms and misses of finding k at its default, and the AUROC of a group large enough.

    A group of a handful of films counts too: that is where a machine shows that makes false alarms.
    """
    scores = part.scores(k, evaluation.calibrations[k])
    # At the threshold of all: a group is read by it like everybody else.
    labels = scores.labels
    threshold = next(iter(evaluation.operating_points[k].values()))
    right = (scores.probabilities >= threshold) == labels
    measured = {
        name: asdict(share_rate(right[kind], scores.patients[kind]))
        for name, kind in (("sensitivity", labels), ("specificity", ~labels))
        # A machine that made no film with the finding can still make false alarms.
        if kind.any()
    }
    if min(labels.sum(), (~labels).sum()) >= MIN_GROUP:
        measured["auroc"] = asdict(auroc_rate(scores))
    return measured


def _make_cohort(recipe: Recipe, name: str, rows: pd.DataFrame, outputs: Outputs) -> Cohort:
    return Cohort(
        # Both: the fewer the patients, the wider an interval, however many films they have.
        f"{len(rows):,} films of {rows['patient'].nunique():,} patients ({_say_who(recipe, name)})",
        # Numbers in the place of patients' names: a card leaves the house.
        pd.factorize(rows["patient"])[0],
        rows[[finding.name for finding in recipe.findings]].to_numpy(float),
        outputs.logits,
        outputs.distances,
    )


# On the card, as a number means little without whose films it was measured on.
def _say_who(recipe: Recipe, name: str) -> str:
    if name == "validation":
        who = "validation patients, runs of consecutive numbers in every series"
        if varies_shape(recipe.augment):
            who += "; each film at a random shape and sharpness, as machines differ"
    elif name == "left out":
        who = f"training films left out: {recipe.leave_out}"
    elif recipe.held_out:
        who = f"every film of {recipe.held_out}, which training left out"
    # Kermany's test is its authors'; of every other source one patient in five is kept back here.
    elif recipe.sources == ("kermany",):
        who = "official test"
    elif "kermany" in recipe.sources:
        who = "official test of kermany, and patients set apart by name in every other source"
    else:
        who = "patients set apart by name"
    # Where films of one patient count as several, an interval by patient is too narrow.
    if unnamed := [source for source in recipe.sources if source in UNNAMED]:
        who += f"; {' and '.join(unnamed)} name no patients, so those count nearly by film"
    return f"{who}; only {recipe.where}" if recipe.where else who


def varies_shape(ranges: Augment) -> bool:
    """Whether training varies the shape or sharpness of films."""
    # Of all changes the two that machines and file formats make as well: see `train.evaluate`.
    return bool(ranges.aspect or ranges.sharpness)


def asks_everything(findings: tuple[Finding, ...], rows: pd.DataFrame) -> np.ndarray:
    """(N,) bool: films of sources that have films of every class, each with all its labels.

    Elsewhere the films of some class would be missing, and accuracy over classes mean little.
    """
    classes = read_classes(rows[[finding.name for finding in findings]].to_numpy(float))  # (N,) int
    by_source = pd.Series(classes, rows.index).groupby(rows["source"])
    # K findings make K + 1 classes; -1, a question without an answer, is none of them.
    found = by_source.transform(lambda seen: len(set(seen) - {-1}) == len(findings) + 1)
    return found.to_numpy(bool) & (classes >= 0)


def _measure_cohort(
    evaluation: Evaluation, recipe: Recipe, cohort: Cohort, whole: np.ndarray
) -> dict[str, Any]:
    """Finding -> measures at its default threshold; and what holds for all findings together.

    A finding without films of either kind is left out.

    Args:
        whole: (N,) from `asks_everything`.
    """
    measured: dict[str, Any] = {}
    # Of every film, whatever is known of it; which of them count is for `whole` to say.
    calls = np.empty_like(cohort.labels)
    for k, finding in enumerate(recipe.findings):
        # By what validation has set, as in the clinic: nothing is fitted to the cohort itself.
        calibration = evaluation.calibrations[k]
        threshold = next(iter(evaluation.operating_points[k].values()))
        calls[:, k] = calibration.probability(cohort.logits[:, k]) >= threshold
        scores = cohort.scores(k, calibration)
        # Of one kind alone there is no AUROC, and a card has no place for a missing number.
        if scores.labels.any() and not scores.labels.all():
            measured[finding.name] = {
                "auroc": asdict(auroc_rate(scores)),
                **_measure_calibration(scores),
                **asdict(operating_point(scores, threshold)),
            }
    # By the distance alone, which is the part of the gate that a run learns.
    accepted = share_rate(cohort.distances <= evaluation.gate.warn, cohort.patients)
    together = {"accuracy": _joint_accuracy(cohort, calls, whole), "accepted": accepted}
    # Left out and not NaN where no film can be read whole: a card has no gaps.
    measured["all findings"] = {name: asdict(rate) for name, rate in together.items() if rate}
    return measured


def _measure_calibration(scores: Scores) -> dict[str, Any]:
    """How true the probabilities are; a slope only where a finite line fits."""
    # The same fit as for a clinic's own films, so that both can be held side by side.
    fitted = fit_site_calibration(scores)
    measured = {
        "calibration_error": asdict(fitted.error),
        "error_if_calibrated": fitted.error_if_calibrated,  # chance alone makes the error positive
        "in_the_large": asdict(fitted.in_the_large),
    }
    return measured | ({"slope": asdict(fitted.slope)} if fitted.slope else {})


def _joint_accuracy(cohort: Cohort, calls: np.ndarray, whole: np.ndarray) -> Rate | None:
    """Share of films whose class is read right, for normal, bacterial or viral the three-class one.

    None where no film has every label it should have.
    """
    if not whole.any():
        return None
    # Calls follow the chain as labels do: what is said of bacterial or viral counts only for films
    # that were called pneumonia.
    right = read_classes(cohort.labels) == read_classes(calls)
    return share_rate(right[whole], cohort.patients[whole])


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
            # By the probability of the class; what follows is of the calls.
            "auroc": asdict(auroc_rate(Scores(truth == c, probabilities[:, c], patients))),
            # A call is a score of 0 or 1, so that one function counts them all and gives the
            # intervals.
            **asdict(operating_point(Scores(truth == c, (said == c).astype(float), patients), 0.5)),
        }
        for c, name in enumerate(names)
        if 0 < (truth == c).sum() < len(truth)  # an area takes both kinds
    }


def to_text(evaluation: Evaluation) -> str:
    """The numbers as a table for a terminal: value and 95 % interval by patient."""
    lines = []
    titles = {name: cohort.description for name, cohort in evaluation.cohorts.items()}
    for title, findings in {**evaluation.metrics, **evaluation.groups}.items():
        # Cohorts by whom they hold; groups have no words but their name.
        lines.append(titles.get(title, title))
        for finding, values in findings.items():
            # Groups are read at the threshold of all, and have none of their own to print.
            at = f" at {values['threshold']:.3f}" if "threshold" in values else ""
            lines.append(f"  {finding}{at}")
            for name, value in values.items():
                # Rates; counts and plain numbers are for evaluation.json.
                if isinstance(value, dict):
                    lines.append(f"    {name:17} {Rate(**value)}, {value['n']} films")
    return "\n".join(lines)
