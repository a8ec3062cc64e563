"""Labels as an ensemble of earlier runs sees them (Hinton et al., arXiv 1503.02531).

Where its calibration finds wrong labels, a label becomes the probability of the truth given the
film and the label (confident learning, Northcutt et al., 2021, without the hard cut). Where it
finds none, labels stay as they are. Confident learning asks networks that have not learned from
the film; these teachers have, and so take its label for right more often than they should.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import torch

from cxrapp.model.card import Calibration
from train.calibrate import fit_calibration
from train.evaluate import encode_films, load_run
from train.recipe import Recipe


def soften_labels(recipe: Recipe, table: pd.DataFrame, root: Path) -> pd.DataFrame:
    """The table's labels, those of training and validation as the recipe's teachers see them.

    Validation films too, because the epoch to keep is chosen on them: by labels that are wrong for
    a fifth of the films, a network that is surer of the truth has the higher loss. What is measured
    of the run later is measured on the labels as published.

    Returns:
        One column a finding, float64 in [0, 1] or NaN; the index is the table's.

    Raises:
        ValueError: A teacher answers other questions.
    """
    names = [finding.name for finding in recipe.findings]
    labels = table[names].astype(float)
    rows = table[table["split"] != "test"]
    logits = sum(_ask(teacher, names, rows, root) for teacher in recipe.teachers)
    for k, name in enumerate(names if recipe.teachers else ()):
        defined = rows[name].notna().to_numpy()
        chosen = defined & (rows["split"] == "validation").to_numpy()
        calibration = fit_calibration(rows.loc[chosen, name] == 1, logits[chosen, k])
        given = rows.index[defined]
        labels.loc[given, name] = posterior(
            labels.loc[given, name].to_numpy() == 1, logits[defined, k], calibration
        )
        moved = (labels.loc[given, name].round() != table.loc[given, name]).mean()
        print(f"teachers: {100 * moved:.1f} % of the labels of {name} change sides")
    return labels


def posterior(labels: np.ndarray, logits: np.ndarray, calibration: Calibration) -> np.ndarray:
    """Probability of the truth, given the film and its label, by Bayes' rule.

    Args:
        labels: (N,) bool, right but for the calibration's `mislabelled`.
        logits: (N,) float64 of the teachers.

    Returns:
        (N,) float64; the labels themselves where none are taken for wrong.
    """
    wrong_absent, wrong_present = calibration.mislabelled
    truth = calibration.probability(logits)
    present = truth * np.where(labels, 1 - wrong_present, wrong_present)
    absent = (1 - truth) * np.where(labels, wrong_absent, 1 - wrong_absent)
    total = present + absent
    return np.where(total > 0, present / np.where(total > 0, total, 1), labels)


def _ask(teacher: str, names: list[str], rows: pd.DataFrame, root: Path) -> np.ndarray:
    """A run's logits (N, K)."""
    run = load_run(Path(teacher))
    if [finding.name for finding in run.recipe.findings] != names:
        raise ValueError(f"{teacher} answers other questions than {', '.join(names)}.")
    run.backbone.to(memory_format=torch.channels_last)  # 1.3 times as fast
    return encode_films(run, rows, run, root, teacher)[0].astype(float)
