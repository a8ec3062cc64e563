"""Labels as networks see them that have not learned from the film (Hinton et al., 2015).

Where their calibration finds wrong labels, a label becomes the probability of the truth given the
film and the label (confident learning, Northcutt et al., 2021, without the hard cut). Where it
finds none, labels stay as they are. A recipe may add the teachers' own probability to that.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from cxrapp.model.card import Calibration
from train.calibrate import fit_noisy_calibration
from train.recipe import Recipe


def soften_labels(recipe: Recipe, table: pd.DataFrame) -> pd.DataFrame:
    """The table's labels, those of the training films as the recipe's teachers see them.

    Validation films keep their labels: what is chosen and measured on them is measured on what
    was published.

    Returns:
        One column a finding, float64 in [0, 1] or NaN; the index is the table's.

    Raises:
        ValueError: A teacher has no opinion of a training film, or answers other questions.
    """
    names = [finding.name for finding in recipe.findings]
    labels = table[names].astype(float)
    # Without teachers the published labels are what is learned, the wrong ones with them.
    if not recipe.teachers:
        return labels
    # Training films alone: the others are measured on, and no teacher was asked about them.
    rows = table[table["split"] == "train"]
    # Averaged as logits: a teacher who is sure then counts for more than one who is not.
    opinions = [read_opinions(Path(teacher), names, rows) for teacher in recipe.teachers]
    logits = np.mean(opinions, axis=0)
    for k, name in enumerate(names):
        defined = rows[name].notna().to_numpy()
        given, said = rows.loc[defined, name].to_numpy() == 1, logits[defined, k]
        # Calibrated on the labels it is to judge, which is fair because no teacher has learned from
        # the film it scores; how many labels are wrong comes out of the same fit.
        calibration = fit_noisy_calibration(given, said)
        believed = posterior(given, said, calibration)
        # A label says yes or no; how sure the teachers are of a film like this can be learned too.
        taught = (1 - recipe.teaching) * believed + recipe.teaching * calibration.probability(said)
        labels.loc[rows.index[defined], name] = taught
        # Printed, because a share that surprises is the first sign of teachers of other data.
        moved = ((believed >= 0.5) != given).mean()
        print(f"teachers: {100 * moved:.1f} % of the labels of {name} change sides")
    return labels


def read_opinions(teacher: Path, names: list[str], rows: pd.DataFrame) -> np.ndarray:
    """Logits (N, K) of a cross-validation about films it has not learned them from."""
    path = teacher / "opinions.csv"
    if not path.exists():
        raise ValueError(f"{path} is missing: run `python -m train crossval --out {teacher}`.")
    # By digest: the same film lies under other paths in other runs.
    # A copy of a film would ask its teachers twice, and once is what `loc` below expects.
    opinions = pd.read_csv(path).drop_duplicates("sha256").set_index("sha256")
    columns = [f"{name}_logit" for name in names]
    if lacking := [column for column in columns if column not in opinions]:
        raise ValueError(f"{path} answers other questions: {', '.join(lacking)} is missing.")
    if unknown := (~rows["sha256"].isin(opinions.index)).sum():
        raise ValueError(
            f"{path} has no opinion of {unknown} training films: cross-validate on the same "
            "sources and validation blocks."
        )
    return opinions.loc[rows["sha256"], columns].to_numpy(float)


def posterior(labels: np.ndarray, logits: np.ndarray, calibration: Calibration) -> np.ndarray:
    """Probability of the truth, given the film and its label, by Bayes' rule.

    Args:
        labels: (N,) bool, right but for the calibration's `mislabelled`.
        logits: (N,) float64 of the teachers.

    Returns:
        (N,) float64; the labels themselves where none are taken for wrong.
    """
    # Rates of the whole finding: how often one label is wrong is not known.
    wrong_absent, wrong_present = calibration.mislabelled
    # Each truth times how likely it makes the label that was given.
    truth = calibration.probability(logits)
    present = truth * np.where(labels, 1 - wrong_present, wrong_present)
    absent = (1 - truth) * np.where(labels, wrong_absent, 1 - wrong_absent)
    # Where nobody is ever mislabelled a label may have had no chance at all: then it stands.
    total = present + absent
    return np.where(total > 0, present / np.where(total > 0, total, 1), labels)
