"""What a run writes down, epoch by epoch, so that it can be stopped at any moment.

split.csv       every film, its patient and the split it went to
labels.csv      what the run learns of each film, row by row
last.pt         where the run stands
best.pt         the network that counts, and the recipe; see `_counts`
history.csv     one line an epoch; the same for TensorBoard in tensorboard/

An epoch counts once it is in last.pt. best.pt and history.csv follow from that file, and are
written again when a run continues: it may have been killed before they were.
"""

import json
import math
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch.utils.tensorboard import SummaryWriter

from train import data
from train.files import load_checkpoint, load_progress, save_atomically, write_atomically
from train.recipe import Recipe

# Those whose change could change a number: what films are read, networks built and lines fitted
# with.
LIBRARIES = ("torch", "torchvision", "timm", "numpy", "pillow", "scikit-learn")
VERSIONS = {"python": platform.python_version()} | {name: version(name) for name in LIBRARIES}


class Journal:
    """A run's folder. With `writes` false it only reads: one process of several writes.

    Raises:
        ValueError: The folder holds a run of another recipe or of other data.
    """

    def __init__(self, run: Path, recipe: Recipe, table: pd.DataFrame, *, writes: bool) -> None:
        # What makes a run this run. Library versions are no part of it: a run may go on after an
        # upgrade, and best.pt says what its epoch was made with.
        self._run, self._writes = run, writes
        self._stamp = {"recipe": json.dumps(recipe.as_dict()), "data": data.digest(table)}
        self.stopped = load_progress(run / "last.pt", self._stamp)
        self.history: list[dict[str, Any]] = self.stopped["history"] if self.stopped else []
        if writes:
            run.mkdir(parents=True, exist_ok=True)
            # Whoever starts from these weights must know which films they have seen: `check_starts`
            # reads it here.
            write_atomically(run / "split.csv", table.to_csv(index=False))
            # The last epoch may be in last.pt and nowhere else, so what follows from it is written
            # once more; where it was there already it becomes the same again.
            if self.stopped:
                averaged = self.stopped["trainer"]["averaged"]
                weights = {key.removeprefix("module."): value for key, value in averaged.items()}
                # The average's own counter is no weight of the network.
                del weights["n_averaged"]
                self._write_results(weights)
            # Whatever TensorBoard was told of epochs that did not count is taken back.
            self._board = SummaryWriter(run / "tensorboard", purge_step=len(self.history) + 1)

    def write_epoch(
        self,
        row: dict[str, Any],
        schedule: str,
        weights: dict[str, torch.Tensor],
        progress: dict[str, Any],
    ) -> None:
        """Add an epoch: its numbers, the weights to use, and where to continue from."""
        row = {"epoch": len(self.history) + 1, **row, "best": self._counts(row, schedule)}
        # The history is kept in every process: when to stop follows from it, and all must stop at
        # once.
        self.history.append(row)
        if not self._writes:
            return
        # Flushed, as is the board below: a run that is killed has then said all that it has done.
        print(", ".join(f"{key} {value:.5g}" for key, value in row.items()), flush=True)
        for key in ("rate", "train_loss", "validation_loss", "films_per_second"):
            self._board.add_scalar(key, row[key], row["epoch"])
        self._board.flush()
        # One file holds all a run needs to go on, and is replaced in one step: killed at any
        # moment, it is of the epoch before or of this one.
        progress = {"history": self.history, **progress}
        save_atomically(self._run / "last.pt", self._stamp | progress)
        self._write_results(weights)

    def _counts(self, row: dict[str, Any], schedule: str) -> bool:
        """Whether this epoch's network is the one to keep so far.

        A cycle is kept as it ends, where its rate has come down to nothing: choosing among its
        epochs would spend validation films on a choice that the schedule has already made. On a
        plateau it is the lowest validation loss of the phase.
        """
        if schedule == "onecycle":
            return True
        # Among this phase's epochs: a larger size, or layers set free, may well start worse than
        # the phase before ended.
        phase = [r["validation_loss"] for r in self.history if r["phase"] == row["phase"]]
        return row["validation_loss"] < min(phase, default=math.inf)

    def _write_results(self, weights: dict[str, torch.Tensor]) -> None:
        """What follows from the last epoch and the weights after it."""
        row = self.history[-1]
        if row["best"]:
            checkpoint = {"model": weights, "size": row["size"], "epoch": row["epoch"]}
            checkpoint["versions"] = VERSIONS
            # With the recipe in its stamp, so that this one file is enough to export from or to
            # start at.
            save_atomically(self._run / "best.pt", self._stamp | checkpoint)
        # Whole each time: of lines added one by one, half of one or the same twice would look like
        # an epoch.
        write_atomically(self._run / "history.csv", pd.DataFrame(self.history).to_csv(index=False))

    def best_weights(self) -> dict[str, torch.Tensor]:
        """The network that counts so far."""
        return load_checkpoint(self._run / "best.pt")["model"]

    def close(self) -> None:
        """Write out what TensorBoard still holds back."""
        if self._writes:
            self._board.close()
