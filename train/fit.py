"""Train a network by a recipe.

    python -m train fit --recipe train/recipes/pneumonia.toml --data DIR --out runs/NAME

The same command continues a run that was stopped. What a run leaves in its folder:
    split.csv       every film, its patient and the split it went to
    last.pt         where the run stands, written after every epoch
    best.pt         the network of the lowest validation loss, and the recipe
    history.csv     one line an epoch; the same for TensorBoard in tensorboard/
"""

import json
import math
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch.utils.tensorboard import SummaryWriter

from cxrapp.preprocess import Preprocessing
from train import data
from train.epoch import Split, build_trainer, train_epoch, validation_loss
from train.files import load_checkpoint, save_atomically, write_atomically
from train.loss import class_weights
from train.model import build_network, prepare
from train.recipe import Phase, Recipe


def fit(recipe: Recipe, root: Path, run: Path) -> None:
    """Train until the recipe is done, from the start or from where the run stands.

    Raises:
        ValueError: The run folder holds a run of another recipe or of other data.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    table = split_table(recipe, root)
    stamp = {"recipe": json.dumps(recipe.as_dict()), "data": data.digest(table)}
    saved = _load_progress(run, stamp)
    run.mkdir(parents=True, exist_ok=True)
    write_atomically(run / "split.csv", table.to_csv(index=False))

    torch.manual_seed(recipe.seed)
    init = "random" if saved else recipe.init  # a continued run brings its own weights
    network = build_network(len(recipe.findings), recipe.dropout, init)
    # Channels last is 1.3 times as fast on the CPU too, not only on tensor cores.
    network.to(device, memory_format=torch.channels_last)
    labels = table.loc[table["split"] == "train", [f.name for f in recipe.findings]]
    weights = class_weights(torch.tensor(labels.to_numpy("float32"))).to(device)

    history: list[dict[str, Any]] = saved["history"] if saved else []
    board = SummaryWriter(run / "tensorboard", purge_step=len(history))
    for index, phase in enumerate(recipe.phases):
        if (phase.frozen and not recipe.pretrained) or (saved and index < saved["phase"]):
            continue
        resumed = saved if saved and index == saved["phase"] else None
        if history and not resumed:  # a phase starts from the best of the one before
            network.load_state_dict(load_checkpoint(run / "best.pt")["model"])
        trainer = build_trainer(network, recipe, phase, len(labels))
        if resumed:
            trainer.load_state_dict(resumed["trainer"])

        size, train, validation = 0, None, None
        for epoch in range(resumed["epoch"] if resumed else 0, phase.epochs):
            if _is_stale(phase, [row for row in history if row["phase"] == index]):
                break
            if phase.size_at(epoch) != size:
                size = phase.size_at(epoch)
                train = load_split(table, "train", root, recipe, size, device)
                validation = load_split(table, "validation", root, recipe, size, device)

            prepare(network, frozen=phase.frozen, pretrained=recipe.pretrained)
            measured = train_epoch(trainer, train, recipe, weights, len(history))
            held_out = validation_loss(network, validation, weights, recipe.batch)
            if phase.schedule == "plateau":
                trainer.schedule.step(held_out)
            best = held_out < min((row["validation_loss"] for row in history), default=math.inf)

            row = {"epoch": len(history) + 1, "phase": index, "size": size, **measured}
            row |= {"validation_loss": held_out, "best": best}
            history.append(row)
            print(", ".join(f"{key} {value:.5g}" for key, value in row.items()), flush=True)
            for key in (*measured, "validation_loss"):
                board.add_scalar(key, row[key], row["epoch"])
            if best:
                checkpoint = {"model": network.state_dict(), "size": size, "epoch": row["epoch"]}
                save_atomically(run / "best.pt", stamp | checkpoint)
            progress = {"phase": index, "epoch": epoch + 1, "history": history}
            save_atomically(run / "last.pt", stamp | progress | {"trainer": trainer.state_dict()})
            write_atomically(run / "history.csv", pd.DataFrame(history).to_csv(index=False))
        saved = None
    board.close()


def split_table(recipe: Recipe, root: Path) -> pd.DataFrame:
    """The films of `root`, copies dropped, validation patients set apart; says what it did."""
    table, copies = data.drop_copies(data.read_table(root), root)
    table = data.split_validation(table, recipe.validation, recipe.seed)
    counts = table.groupby("split", sort=False).agg(
        films=("path", "size"),
        patients=("patient", "nunique"),
        **{finding.name: (finding.name, "sum") for finding in recipe.findings},
    )
    print(f"{root}: {len(table)} films, {copies} exact copies dropped\n{counts.to_string()}")
    return table


def load_split(
    table: pd.DataFrame, split: str, root: Path, recipe: Recipe, size: int, device: torch.device
) -> Split:
    """Every film of one split on the device: the whole set is a few hundred megabytes."""
    rows = table[table["split"] == split]
    films = torch.from_numpy(data.load_films(rows, root, Preprocessing(size)))
    labels = torch.tensor(rows[[f.name for f in recipe.findings]].to_numpy("float32"))
    return films.to(device), labels.to(device)


def _is_stale(phase: Phase, rows: list[dict[str, Any]]) -> bool:
    """Whether a plateau phase has gone twice its patience without a better epoch.

    A cycle is never cut short: half way its rate is far too high to leave the network at.
    """
    if phase.schedule == "onecycle" or not rows:
        return False
    losses = [row["validation_loss"] for row in rows]
    return len(losses) - 1 - losses.index(min(losses)) >= 2 * phase.patience


def _load_progress(run: Path, stamp: dict[str, str]) -> dict[str, Any] | None:
    if not (run / "last.pt").exists():
        return None
    saved = load_checkpoint(run / "last.pt")
    for key, value in stamp.items():
        if saved[key] != value:
            raise ValueError(f"{run} holds a run with another {key}: choose another --out.")
    return saved
