"""Train a network by a recipe.

    python -m train fit --recipe train/recipes/pneumonia.toml --data DIR --out runs/NAME

The same command continues a run that was stopped. What a run leaves in its folder:
    split.csv       every film, its patient and the split it went to
    last.pt         where the run stands, written after every epoch
    best.pt         the network of the lowest validation loss, and the recipe
    history.csv     one line an epoch; the same for TensorBoard in tensorboard/
"""

import json
import time
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR, ReduceLROnPlateau
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from cxrapp.preprocess import Preprocessing
from train import data
from train.augment import augment
from train.files import load_checkpoint, save_atomically, write_atomically
from train.loss import class_weights, weighted_bce
from train.model import Network, build_network, prepare
from train.recipe import Phase, Recipe

Split = tuple[torch.Tensor, torch.Tensor]  # films (N, 1, S, S) uint8, labels (N, K) float32


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
        prepare(network, frozen=phase.frozen, pretrained=recipe.pretrained)
        trainable = [p for p in network.parameters() if p.requires_grad]
        optimiser = torch.optim.AdamW(trainable, phase.rate, weight_decay=recipe.weight_decay)
        steps = max(1, len(labels) // recipe.batch)
        schedule = _build_schedule(optimiser, phase, steps)
        scaler = torch.amp.GradScaler(enabled=device.type == "cuda")
        parts = {"model": network, "optimiser": optimiser, "schedule": schedule, "scaler": scaler}
        if resumed:
            for name, part in parts.items():
                part.load_state_dict(resumed[name])

        size, train, validation = 0, None, None
        for epoch in range(resumed["epoch"] if resumed else 0, phase.epochs):
            if _is_stale(phase, [row for row in history if row["phase"] == index]):
                break
            if phase.size_at(epoch) != size:
                size = phase.size_at(epoch)
                train = load_split(table, "train", root, recipe, size, device)
                validation = load_split(table, "validation", root, recipe, size, device)

            # Every epoch starts from its own seed, so that a run continued after a stop is
            # the run that was never stopped.
            seed = recipe.seed * 10_000 + len(history)
            torch.manual_seed(seed)
            generator = torch.Generator().manual_seed(seed)
            order = torch.randperm(len(train[0]), generator=generator)[: steps * recipe.batch]
            prepare(network, frozen=phase.frozen, pretrained=recipe.pretrained)
            began, total, seen = time.perf_counter(), 0.0, 0
            bar = tqdm(
                total=len(order), unit="film", desc=f"epoch {len(history) + 1}", disable=None
            )
            for batch in order.split(recipe.batch):
                films = augment(_to_float(train[0][batch]), recipe.augment, generator)
                with torch.autocast(device.type, torch.float16, enabled=scaler.is_enabled()):
                    logits = network(films)  # (N, K)
                loss = weighted_bce(logits.float(), train[1][batch], weights)
                optimiser.zero_grad()
                scaler.scale(loss).backward()
                scaler.step(optimiser)
                scaler.update()
                total, seen = total + loss.item() * len(batch), seen + len(batch)
                rate = optimiser.param_groups[0]["lr"]
                if isinstance(schedule, OneCycleLR):
                    schedule.step()
                bar.update(len(batch))
                bar.set_postfix(loss=f"{total / seen:.4f}", rate=f"{rate:.1e}")
            bar.close()
            seconds = time.perf_counter() - began

            held_out = validation_loss(network, validation, weights, recipe.batch)
            if isinstance(schedule, ReduceLROnPlateau):
                schedule.step(held_out)
            best = held_out < min((row["validation_loss"] for row in history), default=float("inf"))
            row = {
                "epoch": len(history) + 1,
                "phase": index,
                "size": size,
                "rate": rate,
                "train_loss": total / seen,
                "validation_loss": held_out,
                "films_per_second": seen / seconds,
                "best": best,
            }
            history.append(row)
            print(", ".join(f"{key} {value:.5g}" for key, value in row.items()), flush=True)
            for key in ("rate", "train_loss", "validation_loss", "films_per_second"):
                board.add_scalar(key, row[key], row["epoch"])
            if best:
                save_atomically(
                    run / "best.pt",
                    {**stamp, "model": network.state_dict(), "size": size, "epoch": row["epoch"]},
                )
            states = {name: part.state_dict() for name, part in parts.items()}
            progress = {"phase": index, "epoch": epoch + 1, "history": history}
            save_atomically(run / "last.pt", {**stamp, **states, **progress})
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


@torch.no_grad()
def validation_loss(network: Network, split: Split, weights: torch.Tensor, batch: int) -> float:
    """The training loss on films that are neither changed nor learned from."""
    network.eval()
    logits = torch.cat([network(_to_float(films)) for films in split[0].split(batch)])
    return weighted_bce(logits, split[1], weights).item()


def _to_float(films: torch.Tensor) -> torch.Tensor:
    return films.float() / 255


def _build_schedule(optimiser: torch.optim.Optimizer, phase: Phase, steps: int) -> LRScheduler:
    if phase.schedule == "onecycle":
        return OneCycleLR(optimiser, phase.rate, epochs=phase.epochs, steps_per_epoch=steps)
    return ReduceLROnPlateau(optimiser, factor=0.1, patience=phase.patience)


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
