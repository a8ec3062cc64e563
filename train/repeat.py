"""One recipe several times: other folds, other seeds, or one source left out at a time."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from train.evaluate import evaluate
from train.files import write_atomically
from train.fit import fit
from train.recipe import Recipe

MEASURES = ("auroc", "sensitivity", "specificity", "accuracy", "calibration_error")


def cross_validate(recipe: Recipe, root: Path, out: Path, folds: int) -> None:
    """Train on all but one fold of the training patients, for each fold: OUT/fold-1, ..."""
    recipes = {
        f"fold-{fold + 1}": recipe.override(validation=1 / folds, fold=fold)
        for fold in range(folds)
    }
    run_all(recipes, root, out)


def leave_sources_out(recipe: Recipe, root: Path, out: Path) -> None:
    """Train on all sources but one and test on all films of that one: OUT/without-SOURCE, ..."""
    run_all({f"without-{s}": recipe.override(held_out=s) for s in recipe.sources}, root, out)


def repeat_seeds(recipe: Recipe, root: Path, out: Path, seeds: list[int]) -> None:
    """Train once a seed: OUT/seed-0, ... A seed changes the split, the start and the order."""
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
                kept = {key: values[key]["value"] for key in MEASURES if key in values}
                rows.append({"run": name, "cohort": cohort, "finding": finding, **kept})
    table = pd.DataFrame(rows)
    groups = table.drop(columns="run").groupby(["cohort", "finding"], sort=False)
    spread = [groups.agg(how).reset_index().assign(run=how) for how in ("mean", "std")]
    table = pd.concat([table, *spread], ignore_index=True)
    write_atomically(out / "summary.csv", table.to_csv(index=False))
    print(table.to_string(index=False, float_format="%.3f"))
