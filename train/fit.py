"""Train a network by a recipe.

    python -m train fit --recipe train/recipes/pneumonia.toml --data DIR --out runs/NAME

The same command continues a run that was stopped. `train.journal` says what a run leaves behind.
"""

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from cxrapp.films.preprocess import Preprocessing
from cxrapp.model.card import Finding
from train import data
from train.distil import soften_labels
from train.distributed import Ranks, join_ranks
from train.epoch import Split, build_trainer, train_epoch, validation_loss
from train.files import load_checkpoint, write_atomically
from train.journal import Journal
from train.loss import film_weights
from train.machines import group_machines
from train.model import build_network, prepare
from train.recipe import Phase, Recipe, recipe_from
from train.sources import LEFT_OUT


def fit(recipe: Recipe, root: Path, run: Path) -> None:
    """Train until the recipe is done, from the start or from where the run stands.

    Raises:
        ValueError: The run folder holds a run of another recipe or of other data, or the first
            weights come from a run that trained on films this one sets apart.
    """
    # Data first: whatever is wrong with films, split or first weights stops the run before it costs
    # anything, and every process comes to the same table by itself.
    ranks = join_ranks()
    table = split_table(recipe, root, quiet=not ranks.leads)
    check_starts(starts(recipe), table)
    journal = Journal(run, recipe, table, writes=ranks.leads)
    stopped = journal.stopped
    # What is learned is written down once and then read back, also by the process that wrote it: a
    # run that is continued, or shared, learns from the very same numbers, to the last digit.
    if ranks.leads and not stopped:
        labels = soften_labels(recipe, table)
        write_atomically(run / "labels.csv", labels.to_csv(index=False))
    ranks.agree(0)  # the others wait here until the file is there
    labels = pd.read_csv(run / "labels.csv")

    # The seed goes before the first random weight, so that the same recipe is the same network.
    torch.manual_seed(recipe.seed)
    init = "random" if stopped else recipe.init  # a continued run brings its own weights
    network = build_network(len(recipe.findings), recipe.dropout, init, recipe.backbone)
    # Channels last is 1.3 times as fast on the CPU too, not only on tensor cores.
    network.to(ranks.device, memory_format=torch.channels_last)
    # A cycle has to know its number of steps before the first.
    films = int((table["split"] == "train").sum())

    # Phases, then epochs, in the order in which they happen; nothing else calls back into them.
    for index, phase in enumerate(recipe.phases):
        # A head alone on random features would learn to read noise.
        pointless = phase.trainable == 0 and recipe.init == "random"
        if pointless or (stopped and index < stopped["phase"]):
            continue
        resumed = stopped if stopped and index == stopped["phase"] else None
        if journal.history and not resumed:  # a phase starts from what the one before has kept
            network.load_state_dict(journal.best_weights())
        # Each phase has an optimiser of its own: momentum gathered while other layers rested, or
        # at another rate, would push the first steps of this one astray.
        trainer = build_trainer(network, recipe, phase, films, ranks)
        if resumed:
            trainer.load_state_dict(resumed["trainer"])

        # Films are read and resized once a size, not once an epoch: that costs minutes, and the
        # whole set fits into memory as bytes.
        size, train, validation = 0, None, None
        for epoch in range(resumed["epoch"] if resumed else 0, phase.epochs):
            if _is_stale(phase, [row for row in journal.history if row["phase"] == index]):
                break
            if phase.size_at(epoch) != size:
                size = phase.size_at(epoch)
                train = load_split(table, labels, "train", root, recipe, size, ranks)
                validation = load_split(table, labels, "validation", root, recipe, size, ranks)

            prepare(network, trainable=phase.trainable, keep_norm=recipe.keep_norm)
            measured = train_epoch(trainer, train, recipe, len(journal.history), ranks)
            # The averaged weights are what will be kept, so it is those that are measured. One
            # value for all processes, or rounding could send their schedules different ways.
            held_out = ranks.agree(validation_loss(trainer.averaged, validation, recipe.batch))
            check_finite(len(journal.history) + 1, ranks.agree(measured["train_loss"]), held_out)
            if phase.schedule == "plateau":
                trainer.schedule.step(held_out)
            # After the schedule's step, so that a continued run takes the next step and not this
            # one again.
            journal.write_epoch(
                {"phase": index, "size": size, **measured, "validation_loss": held_out},
                phase.schedule,
                trainer.averaged.module.state_dict(),
                {"phase": index, "epoch": epoch + 1, "trainer": trainer.state_dict()},
            )
            ranks.agree(0)  # what the leader has written may be read
        # Only one phase is resumed; those after it begin as in a run that was never stopped.
        stopped = None
    journal.close()


def split_table(recipe: Recipe, root: Path, *, quiet: bool = False) -> pd.DataFrame:
    """The films of `root`, copies dropped, validation patients set apart; says what it did."""
    # Copies go first: the same film under two names could lie on both sides of the split.
    table = data.read_table(root, recipe.sources)
    left_out = table.attrs[LEFT_OUT]
    table, copies = data.drop_copies(table, root)
    # Before a condition picks films: blocks are counted over a whole source, so that every recipe
    # sets the same patients apart.
    table = data.split_validation(table, recipe.validation)
    table = data.choose_films(table, [finding.name for finding in recipe.findings], recipe.where)
    # Last of what drops films, as it decodes every one that is left.
    table, damaged = data.drop_damaged(table, root)
    check_enough(table, recipe.findings, recipe.batch)
    table = data.leave_out(table.assign(machine=group_machines(table, root)), recipe.leave_out)
    if recipe.held_out:
        table = data.hold_out(table, recipe.held_out)
    counts = table.groupby(["source", "split"], sort=False).agg(
        films=("path", "size"),
        patients=("patient", "nunique"),
        **{finding.name: (finding.name, "sum") for finding in recipe.findings},
    )
    if not quiet:
        # One line a file: who gathered the films can correct them by it, and a count alone hides a
        # lost class.
        for why in (*left_out, *damaged):
            print(f"left out: {why}")
        print(
            f"{root}: {len(table)} films, {copies} exact copies dropped, "
            f"{len(left_out) + len(damaged)} files left out\n{counts.to_string()}"
        )
    return table


def check_enough(table: pd.DataFrame, findings: Iterable[Finding], batch: int) -> None:
    """Refuse to train on fewer films than there is anything to learn from.

    Raises:
        ValueError: Training has less than a batch, or a finding lacks films that answer it.
    """
    train, validation = (table[table["split"] == split] for split in ("train", "validation"))
    if len(train) < batch:
        raise ValueError(
            f"There are {len(train)} films to train on; this recipe needs at least {batch}, one "
            "batch."
        )
    for finding in (finding.name for finding in findings):
        present, absent = ((train[finding] == answer).sum() for answer in (1, 0))
        if not present or not absent:
            raise ValueError(
                f"Of the films to train on {present} are with {finding} and {absent} without; at "
                "least 1 of each is needed."
            )
        if not validation[finding].notna().any():
            raise ValueError(
                f"No validation film answers {finding}; at least 1 is needed. Add films, or set "
                "more blocks apart for validation."
            )


def check_finite(epoch: int, *losses: float) -> None:
    """End a run that has come apart, before its last good network is written over.

    Raises:
        ValueError: A loss is not a number.
    """
    # Asked before the epoch is written down, so best.pt still is the last network that was any
    # good.
    if not all(map(math.isfinite, losses)):
        raise ValueError(
            f"The loss of epoch {epoch} is not a number: training has come apart. Try a lower "
            "--rate; what was kept of the epochs before is in the run's folder."
        )


def load_split(
    table: pd.DataFrame,
    labels: pd.DataFrame,
    split: str,
    root: Path,
    recipe: Recipe,
    size: int,
    ranks: Ranks,
) -> Split:
    """Every film of one split on the device: the whole set is a few hundred megabytes.

    Args:
        labels: What to learn, row by row of the table, which says how much each film weighs.
    """
    # At the size of this phase: small films first teach coarse shapes at a fraction of the time.
    findings = [finding.name for finding in recipe.findings]
    chosen = table["split"] == split
    # Weights are counted on the whole table and then cut, so that training and validation films of
    # one kind weigh the same and the two losses can be compared.
    films = torch.from_numpy(data.load_films(table[chosen], root, Preprocessing(size)))
    targets = torch.tensor(labels.loc[chosen, findings].to_numpy("float32"))
    weights = torch.tensor(film_weights(table, findings, recipe.balance)[chosen])
    return Split(*(part.to(ranks.device) for part in (films, targets, weights)))


def check_starts(runs: Iterable[Path], table: pd.DataFrame) -> None:
    """Refuse first weights and teachers that have learned from films this run measures itself on.

    Args:
        runs: Folders that weights come from; their own starts and teachers are followed.

    Raises:
        ValueError: One of them trained on such films.
    """
    # By digest, not by name: collections name one film differently.
    apart = set(table.loc[table["split"] != "train", "sha256"])
    waiting, seen = list(runs), set()
    while waiting:
        run = waiting.pop()
        if run in seen or not run.is_dir():
            continue
        seen.add(run)
        waiting += (part.parent for part in run.glob("*/split.csv"))  # a cross-validation
        if not (run / "split.csv").is_file():
            continue  # not one of our runs
        learned = pd.read_csv(run / "split.csv").query("split == 'train'")["sha256"]
        if shared := len(apart & set(learned)):
            raise ValueError(
                f"{run} was trained on {shared} films that this run sets apart for validation "
                "or test: use the same validation blocks and sources for both."
            )
        # What its own start had seen has been learned as well, at second hand.
        waiting += starts(recipe_from(json.loads(load_checkpoint(run / "best.pt")["recipe"])))


def starts(recipe: Recipe) -> list[Path]:
    """Folders that a run's first weights and its teachers come from."""
    return start_folders(recipe.init) + [Path(teacher) for teacher in recipe.teachers]


def start_folders(*inits: str) -> list[Path]:
    """Folders that first weights come from; `random` and `imagenet` have none."""
    # A file of weights lies in its run's folder, where split.csv says what it was trained on.
    return [Path(init).parent for init in inits if init not in ("random", "imagenet")]


def _is_stale(phase: Phase, rows: list[dict[str, Any]]) -> bool:
    """Whether a plateau phase has gone twice its patience without a better epoch.

    A cycle is never cut short: half way its rate is far too high to leave the network at.
    """
    if phase.schedule == "onecycle" or not rows:
        return False
    # Twice the patience: once for the rate to come down, once to see whether that has helped.
    losses = [row["validation_loss"] for row in rows]
    return len(losses) - 1 - losses.index(min(losses)) >= 2 * phase.patience
