"""One recipe several times: other folds, other seeds, or one source left out at a time."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from train.data import BLOCKS
from train.evaluate import evaluate
from train.files import write_atomically
from train.fit import fit
from train.recipe import Recipe

# At each run's default threshold, where one is needed.
MEASURES = ("auroc", "sensitivity", "specificity", "accuracy", "calibration_error")


def cross_validate(recipe: Recipe, root: Path, out: Path, folds: int) -> None:
    """Train without each fold of the training films in turn: OUT/fold-1, ...

    A fold is several runs of consecutive patient numbers, spread over the series, and none has
    films that the recipe validates on. Writes OUT/opinions.csv as well: what the run that has not
    seen a training film says of it, which is what `train.distil` asks for; and OUT/blocks.csv, how
    well that tells the films of each block apart.

    Raises:
        ValueError: There are more folds than blocks, or fewer than two.
    """
    # 18 of 20: those that the recipe validates on are in no fold, so whoever learns from these
    # opinions can be measured on them.
    blocks = [block for block in range(BLOCKS) if block not in recipe.validation]
    if not 2 <= folds <= len(blocks):
        raise ValueError(f"Use 2 to {len(blocks)} folds.")
    recipes = {
        # Every n-th block, so that each fold has early films and late ones.
        f"fold-{fold + 1}": recipe.override(leave_out=f"block in {blocks[fold::folds]}")
        for fold in range(folds)
    }
    # As many trainings as folds, one after another; each goes on where it was stopped.
    run_all(recipes, root, out)
    scores = pd.concat([pd.read_csv(out / name / "scores.csv") for name in recipes])
    logits = [f"{finding.name}_logit" for finding in recipe.findings]
    # Each film once: by the one run that has not learned from it.
    said = scores[scores["split"] == "left out"]
    # Logits, since they are averaged over teachers and calibrated after that.
    opinions = said[["path", "sha256", *logits]]
    write_atomically(out / "opinions.csv", opinions.to_csv(index=False))
    blocks = score_blocks(said, [finding.name for finding in recipe.findings])
    write_atomically(out / "blocks.csv", blocks.to_csv())
    print(blocks.to_string(float_format="%.3f"))


def score_blocks(films: pd.DataFrame, findings: list[str]) -> pd.DataFrame:
    """AUROC of each block and finding, NaN where a block has films of one answer only.

    Films are numbered about as they were taken. A block far below its neighbours has wrong labels,
    or what was learned elsewhere is the years and the machines and not the disease.

    Args:
        films: With the columns `block` and, of each finding, NAME and NAME_logit.
    """

    def score(rows: pd.DataFrame) -> pd.Series:
        values = {}
        for name in findings:
            asked = rows.dropna(subset=name)
            told = asked[name].nunique() == 2
            # A block lies in one fold, so one network has scored it and its logits are on one
            # scale.
            values[name] = roc_auc_score(asked[name], asked[f"{name}_logit"]) if told else np.nan
        return pd.Series(values)

    # Of Kermany's films pneumonia has 0.98 to 1.00 in every block; viral has 0.86 to 0.99 in blocks
    # 0 to 13 and 0.36 to 0.79 in the five after them.
    return films.groupby("block")[films.columns].apply(score)


def leave_sources_out(recipe: Recipe, root: Path, out: Path) -> None:
    """Train on all sources but one and test on all films of that one: OUT/without-SOURCE, ..."""
    # Of a small recipe the AUROC of pneumonia was 0.82 on children left out, 0.71 on radiography
    # and 0.61 on covid19.
    run_all({f"without-{s}": recipe.override(held_out=s) for s in recipe.sources}, root, out)


def repeat_seeds(recipe: Recipe, root: Path, out: Path, seeds: list[int]) -> None:
    """Train once a seed: OUT/seed-0, ... A seed changes the start and the order, not the split."""
    run_all({f"seed-{seed}": recipe.override(seed=seed) for seed in seeds}, root, out)


def run_all(recipes: Mapping[str, Recipe], root: Path, out: Path) -> None:
    """Fit and evaluate every recipe, and write OUT/summary.csv with mean and spread.

    A run that is already complete is only measured again.
    """
    rows = []
    for name, recipe in recipes.items():
        fit(recipe, root, out / name)
        for cohort, findings in evaluate(out / name, root).metrics.items():
            for finding, values in findings.items():
                # All findings together have an accuracy alone.
                kept = {key: values[key]["value"] for key in MEASURES if key in values}
                rows.append({"run": name, "cohort": cohort, "finding": finding, **kept})
    table = pd.DataFrame(rows)
    groups = table.drop(columns="run").groupby(["cohort", "finding"], sort=False)
    # As rows like the others, so that one file holds the runs and what they have in common.
    spread = [groups.agg(how).reset_index().assign(run=how) for how in ("mean", "std")]
    table = pd.concat([table, *spread], ignore_index=True)
    write_atomically(out / "summary.csv", table.to_csv(index=False))
    print(table.to_string(index=False, float_format="%.3f"))
