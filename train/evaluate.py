"""Measure a run: calibrate on validation, then read the films it left out and, if asked, the test.

    python -m train evaluate RUN --data DIR [--test]

The official test stays closed until a release: whoever looks at it while choosing has nothing left
to measure with. Every time its films are scored is written down in RUN/openings.csv.

Validation films are scored at a random shape and sharpness each. Machines and file formats decide
those, not disease, and in training they go with the answer: a threshold set on films as they are
would rest on that. Distances, the gate's business, are measured on films as they are.

Writes RUN/evaluation.json (what the model card will say), RUN/scores.csv (one line a film) and
RUN/distance.pt (what its training films look like).
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn
from tqdm import tqdm

from cxrapp.films.preprocess import Preprocessing
from cxrapp.model.bundle import Encoder
from cxrapp.model.predict import BATCH, encode, measure_distances
from cxrapp.runtime.files import to_json
from train import data
from train.augment import augment
from train.distance import fit_distance, load_distance, save_distance
from train.files import digest_weights, load_checkpoint, write_atomically
from train.measure import COHORTS, Evaluation, Outputs, measure, varies_shape
from train.model import build_network, with_averages
from train.recipe import Augment, Recipe, recipe_from


@dataclass(frozen=True)
class Run:
    """A trained network and what it was trained by.

    Args:
        backbone, head: As in `cxrapp.model.bundle.Encoder`, eager.
        table: The films; see `train.data`.
        data: SHA-256 of the films and their split.
        versions: Of the libraries it was trained with.
    """

    recipe: Recipe
    backbone: nn.Module
    head: nn.Module
    preprocessing: Preprocessing
    table: pd.DataFrame
    epoch: int  # from 1 on, over all phases
    data: str
    versions: dict[str, str]

    def stamp(self) -> dict[str, str]:
        """What a number depends on: what was measured under another stamp is out of date."""
        return {
            "data": self.data,
            "recipe": json.dumps(self.recipe.as_dict()),
            # A run that was continued has other weights by the same recipe.
            "weights": digest_weights(self.backbone, self.head),
        }


def load_run(folder: Path) -> Run:
    """The network of a run: its best epoch.

    Raises:
        ValueError: The folder holds no finished epoch.
    """
    if not (folder / "best.pt").exists():
        raise ValueError(f"{folder} holds no best.pt: run `python -m train fit` first.")
    saved = load_checkpoint(folder / "best.pt")
    # As it was when these weights were made; its file may have been edited since.
    recipe = recipe_from(json.loads(saved["recipe"]))
    # With random weights, whatever `init` says: what it started from has gone into those that are
    # loaded next, and its file need not be there any more.
    network = build_network(len(recipe.findings), recipe.dropout, backbone=recipe.backbone)
    network.load_state_dict(saved["model"])
    return Run(
        recipe,
        with_averages(network).eval(),
        network.head.eval(),
        Preprocessing(saved["size"]),  # the side in pixels of that epoch; a recipe may have several
        pd.read_csv(folder / "split.csv"),
        saved["epoch"],
        saved["data"],
        saved.get("versions", {}),  # older checkpoints have none
    )


def evaluate(folder: Path, root: Path, *, test: bool = False) -> Evaluation:
    """Measure the eager network of a run and write the numbers down.

    Films that were scored with these very weights are not scored again.

    Args:
        test: Open the official test.
    """
    run = load_run(folder)
    scores = _load_scores(run, folder)
    # A source left out on purpose is no official test.
    opened = test or bool(run.recipe.held_out)
    # Training films are no cohort: a network's answers to what it has learned are no measure of it.
    cohorts = tuple(name for name in run.table["split"].unique() if name in COHORTS)
    cohorts = tuple(name for name in cohorts if name != "test" or opened)
    lacking = tuple(name for name in cohorts if name not in scores)
    if lacking:
        # Minutes on two cores, so only where there is a film to score.
        distance = learn_distance(run, folder, root)
        scores |= score(run, distance, run, root, lacking)
        # Counted once the films were scored, and not where kept scores are read again: that is no
        # second look.
        if test and "test" in lacking:
            count_opening(folder, run.stamp()["weights"])
    # In this order, whatever was scored first: a report takes its worst films from the last.
    scores = {name: scores[name] for name in COHORTS if name in scores}
    evaluation = measure(run.recipe, run.table, scores)
    values = {"run": run.stamp(), "metrics": evaluation.metrics, "groups": evaluation.groups}
    # Scores first: the stamp stands in the other file, so where a run was killed in between they
    # count as out of date.
    write_atomically(folder / "scores.csv", _list_scores(run, evaluation).to_csv(index=False))
    write_atomically(folder / "evaluation.json", to_json(values))
    return evaluation


def _load_scores(run: Run, folder: Path) -> dict[str, Outputs]:
    """What `evaluate` wrote down; nothing if the run has gone on since."""
    paths = folder / "evaluation.json", folder / "scores.csv"
    if not all(path.exists() for path in paths):
        return {}
    if json.loads(paths[0].read_text()).get("run") != run.stamp():
        return {}
    films = pd.read_csv(paths[1])
    # Logits and not the probabilities beside them: calibration is fitted anew each time.
    logits = [f"{finding.name}_logit" for finding in run.recipe.findings]
    return {
        # By cohort, in the table's order: labels are laid beside these rows by place alone.
        cohort: Outputs(rows[logits].to_numpy(float), rows["distance"].to_numpy(float))
        for cohort, rows in films.groupby("split", sort=False)
    }


def count_opening(folder: Path, weights: str) -> None:
    """Write down that the official test was scored, when and with which weights.

    Args:
        folder: Of the run, which need not be one of `train fit`.
        weights: Their SHA-256.
    """
    path = folder / "openings.csv"
    # A line more each time, also for the same weights: what counts is how often somebody looked.
    before = path.read_text() if path.exists() else "date,weights\n"
    # With the weights, which tell a second network from one that was measured again.
    line = f"{date.today().isoformat()},{weights[:12]}\n"
    write_atomically(path, before + line)


def read_openings(folder: Path) -> int:
    """How many times a run's official test was scored."""
    path = folder / "openings.csv"
    return len(pd.read_csv(path)) if path.exists() else 0


def learn_distance(run: Run, folder: Path, root: Path) -> nn.Module:
    """What the run's training films look like to its backbone; learned once a run."""
    distance = load_distance(folder / "distance.pt", run.stamp())
    # One pass of the backbone for every training film: minutes on two cores.
    if distance is None:
        distance = fit_distance(encode_training_films(run, root))
        save_distance(folder / "distance.pt", distance, run.stamp())
    return distance


def encode_training_films(run: Run, root: Path) -> np.ndarray:
    """(N, D) averages of what the run learned from."""
    rows = run.table[run.table["split"] == "train"]
    # As they are, without the changes of training: the films of a clinic are not changed either.
    return encode_films(run, rows, run, root, "training films")[1]


def score(
    network: Encoder,
    distance: nn.Module,
    run: Run,
    root: Path,
    cohorts: tuple[str, ...] = COHORTS,
) -> dict[str, Outputs]:
    """Score the films of some cohorts, read and shaped exactly as the clinic does."""
    scores = {}
    for cohort, rows in run.table.groupby("split", sort=False):
        if cohort in cohorts:
            # Test films stay as they are: so they would come to a clinic.
            logits, averages = encode_films(network, rows, run, root, cohort)
            if cohort == "validation" and varies_shape(run.recipe.augment):
                change = _vary_shape(run.recipe.augment)
                logits, _ = encode_films(network, rows, run, root, "varied validation", change)
            distances = measure_distances(distance, averages)
            # Five decimals are the card's; rounding here keeps later numbers consistent with it.
            scores[cohort] = Outputs(*(a.astype(float).round(5) for a in (logits, distances)))
    return scores


def encode_films(
    network: Encoder,
    rows: pd.DataFrame,
    run: Run,
    root: Path,
    title: str,
    change: Callable[[np.ndarray], np.ndarray] = lambda films: films,
) -> tuple[np.ndarray, np.ndarray]:
    """Logits (N, K) and averages (N, D) of a table's films.

    Args:
        change: What happens to a batch (B, 1, S, S) before the network sees it.
    """
    paths, parts = [root / path for path in rows["path"]], []
    for start in tqdm(range(0, len(paths), BATCH), desc=f"scoring {title}", disable=None):
        # From the files and by the clinic's own steps, not from what training has kept of them in
        # eight bits.
        films = [data.read_film(path).pixels for path in paths[start : start + BATCH]]
        inputs = np.stack([run.preprocessing.to_input(film) for film in films])  # (B, 1, S, S)
        encoded = encode(network, change(inputs))
        # Feature maps are let go: those of 5,000 films would take a gigabyte, 1024 x 7 x 7 floats
        # each.
        parts.append((encoded.logits, encoded.averages))
    logits, averages = zip(*parts, strict=True)
    return np.concatenate(logits), np.concatenate(averages)


def _vary_shape(ranges: Augment) -> Callable[[np.ndarray], np.ndarray]:
    """Training's changes of shape and sharpness alone, from a seed of their own."""
    # Begun from none: a range that is added to recipes later stays out of validation by itself.
    shape = replace(Augment.none(), aspect=ranges.aspect, sharpness=ranges.sharpness)
    # The same changes each time and for every run, so that two of them can be compared.
    generator = torch.Generator().manual_seed(0)
    # One generator for all batches: begun anew for each, it would change the eight films of every
    # batch in the same eight ways.
    return lambda films: augment(torch.from_numpy(films), shape, generator).numpy()


def _list_scores(run: Run, evaluation: Evaluation) -> pd.DataFrame:
    """One row a film of every cohort: its labels, scores and distance."""
    parts = []
    for name, cohort in evaluation.cohorts.items():
        # With all that is known of a film: folds go by its block, comparisons by path and patient.
        rows = run.table[run.table["split"] == name].assign(distance=cohort.distances)
        for k, finding in enumerate(run.recipe.findings):
            # Logits as well: `_load_scores` reads them again, and a cross-validation averages them
            # over teachers before anything is calibrated.
            calibration = evaluation.calibrations[k]
            rows[f"{finding.name}_logit"] = cohort.logits[:, k]
            rows[f"{finding.name}_probability"] = calibration.probability(cohort.logits[:, k])
        parts.append(rows)
    return pd.concat(parts)
