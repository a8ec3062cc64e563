"""Everything a report says, as plain values."""

import hashlib
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image, UnidentifiedImageError
from sklearn.metrics import classification_report, confusion_matrix

from cxrapp.model.card import Calibration, Cohort, Finding
from cxrapp.model.chain import class_names, joint_probabilities, read_classes
from cxrapp.statistics.curves import average_precision, calibration_error
from cxrapp.statistics.operating_point import operating_point
from train.data import read_film
from train.evaluate import Run, read_openings
from train.gate import count_levels
from train.measure import Evaluation, against_the_rest, asks_everything
from train.shortcuts import read_shortcuts

Numbers = dict[str, Any]  # under the keys that template.html asks for


def collect(run: Run, evaluation: Evaluation, folder: Path, root: Path) -> Numbers:
    """The numbers of a run's report; rates are {value, low, high, n}."""
    return {
        "name": run.recipe.name,
        "recipe": run.recipe.as_dict(),
        "best epoch": run.epoch,
        "data sha256": run.data,  # of the films and their split
        "films": _count_films(run.table, run.recipe.findings),
        "sizes": _measure_sizes(run.table, root),
        "splits": _describe_splits(run.table),
        "history": pd.read_csv(folder / "history.csv").to_dict(orient="list"),
        "cohorts": {name: _measure(run, evaluation, name) for name in evaluation.cohorts},
        "versions": run.versions,
        "groups": evaluation.groups,
        # Empty where they were not measured on these weights; the page then leaves them out.
        "shortcuts": read_shortcuts(run, folder),
        "openings": read_openings(folder),  # how often the official test was scored
        "gate": asdict(evaluation.gate),
        "calibrations": [asdict(calibration) for calibration in evaluation.calibrations],
    }


def _count_films(table: pd.DataFrame, findings: tuple[Finding, ...]) -> list[Numbers]:
    """Films and patients by source, split and class."""
    labels = table[[finding.name for finding in findings]].to_numpy(float)
    # Last on the list, so that class -1, a question without an answer, finds it from the end.
    names = [*class_names(findings), "label unknown"]
    classes = [names[k] for k in read_classes(labels)]
    # Along the chain, normal first; as plain words they would be sorted by the alphabet.
    counted = table.assign(answer=pd.Categorical(classes, names, ordered=True))
    # Only what there is: a source without viral films has no line of zeros.
    groups = counted.groupby(["source", "split", "answer"], observed=True)
    counts = groups.agg(films=("path", "size"), patients=("patient", "nunique"))
    return counts.reset_index().to_dict(orient="records")


def _measure_sizes(table: pd.DataFrame, root: Path) -> list[Numbers]:
    """Width and height in pixels by source: median and range."""
    sizes = []
    for path in table["path"]:
        try:
            # The header is enough: to decode every film would take minutes.
            with Image.open(root / path) as image:
                sizes.append(image.size)
        except UnidentifiedImageError:  # DICOM
            sizes.append(read_film(root / path).pixels.shape[::-1])  # (H, W) -> (W, H)
    sides = table.assign(width=[w for w, _ in sizes], height=[h for _, h in sizes])
    # By source, as size may tell the answer: the width of Kermany's originals alone has an AUROC of
    # 0.95 on the test.
    groups = sides.groupby("source")[["width", "height"]].agg(["median", "min", "max"])
    # Pairs of names made into one, for JSON has no keys of two parts.
    groups.columns = [f"{side} {measure}" for side, measure in groups.columns]
    return groups.reset_index().to_dict(orient="records")


def _describe_splits(table: pd.DataFrame) -> dict[str, Numbers]:
    """Films, patients and a SHA-256 of the films' own in each split; patients seen in another."""
    splits = {}
    for name, rows in table.groupby("split", sort=False):
        others = table.loc[table["split"] != name, "patient"]
        splits[name] = {
            "films": len(rows),
            "patients": int(rows["patient"].nunique()),
            "patients in another split": int(rows["patient"].isin(others).sum()),  # must be 0
            # Sorted: films are named, whatever order a table has them in.
            "sha256": hashlib.sha256("\n".join(sorted(rows["sha256"])).encode()).hexdigest(),
        }
    return splits


def _measure(run: Run, evaluation: Evaluation, name: str) -> Numbers:
    """One cohort: every finding, and the classes they make together."""
    cohort, findings = evaluation.cohorts[name], run.recipe.findings
    # Each finding's default, which is the first.
    thresholds = [next(iter(points.values())) for points in evaluation.operating_points]
    # (N, K) of every film, whether a finding was asked of it or not: classes are read from all.
    calibrated = np.column_stack(
        [c.probability(cohort.logits[:, k]) for k, c in enumerate(evaluation.calibrations)]
    )
    counted, measured = evaluation.metrics[name], {}
    for k, finding in enumerate(findings):
        # Not there where a cohort has films of one answer only.
        if finding.name in counted:
            before, scores = (
                cohort.scores(k, calibration)
                # Slope 1 and intercept 0: what the network says itself, before it is calibrated.
                for calibration in (Calibration(1, 0), evaluation.calibrations[k])
            )
            truth, said = scores.labels, scores.probabilities >= thresholds[k]
            names = (finding.negative, finding.positive)
            points = evaluation.operating_points[k].items()
            measured[finding.name] = counted[finding.name] | {
                "average precision": asdict(average_precision(scores)),
                "calibration error before": asdict(calibration_error(before)),
                # At every threshold of the card; what was counted above is at the default.
                "operating points": {to: asdict(operating_point(scores, at)) for to, at in points},
                "by class": _report(truth.astype(int), said.astype(int), names),
            }
    numbers = {
        "description": cohort.description,
        # By distance: tags and lungs, which a clinic's gate asks as well, are no part of a run.
        "gate": count_levels(evaluation.gate, cohort.distances, cohort.patients),
        "findings": measured,
    }
    # The films that accuracy over classes was counted on, so that both tables agree.
    whole = asks_everything(findings, run.table[run.table["split"] == name])
    # Of a single finding the two classes are its answers, and stand above.
    if len(findings) > 1 and whole.any():
        calls = (calibrated >= thresholds).astype(float)  # (N, K) of 1 and 0
        numbers["classes"] = counted["all findings"] | _measure_classes(
            cohort.subset(whole), calls[whole], calibrated[whole], class_names(findings)
        )
    return numbers


def _measure_classes(
    cohort: Cohort, calls: np.ndarray, probabilities: np.ndarray, names: tuple[str, ...]
) -> Numbers:
    """The findings read as one answer, on films that have every label they should have."""
    truth, said = read_classes(cohort.labels), read_classes(calls)
    joint = joint_probabilities(probabilities)  # (N, K + 1), each row adds up to 1
    return {
        # Rows are the truth; every class has its row and column, also where it has no film.
        "confusion": confusion_matrix(truth, said, labels=range(len(names))).tolist(),
        "by class": _report(truth, said, names),
        "against the rest": against_the_rest(truth, said, joint, cohort.patients, names),
    }


def _report(truth: np.ndarray, said: np.ndarray, names: tuple[str, ...]) -> Numbers:
    """Precision, recall, F1 and support of each class, by scikit-learn."""
    report = classification_report(
        truth,
        said,
        # All, or a class without films would leave more names than rows.
        labels=range(len(names)),
        target_names=names,
        output_dict=True,
        zero_division=0,  # of a class that was never called, in place of a warning
    )
    # Without accuracy, which stands elsewhere with its interval.
    return {name: report[name] for name in (*names, "macro avg", "weighted avg")}
