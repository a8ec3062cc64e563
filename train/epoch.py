"""One epoch: show every training film once, then look at the validation films."""

import time
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR, ReduceLROnPlateau
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from train.augment import change_tone, draw_places, move
from train.distributed import Ranks
from train.loss import disagreement, weighted_bce
from train.model import Network, prepare
from train.recipe import Phase, Recipe

STATEFUL = ("model", "averaged", "optimiser", "schedule")


@dataclass(frozen=True)
class Split:
    """Films of one split, on the device.

    Args:
        films: (N, 1, S, S) uint8.
        labels: (N, K) float32: 1, 0 or NaN.
        weights: (N, K) float32, of each film in the loss of each finding.
    """

    films: torch.Tensor
    labels: torch.Tensor
    weights: torch.Tensor


@dataclass(frozen=True)
class Trainer:
    """What one phase trains with; every part saves and restores itself.

    Args:
        parallel: The model, its gradients averaged where several processes train it.
        averaged: Moving average of its weights, batch statistics included: what is kept.
    """

    model: Network
    parallel: nn.Module
    averaged: AveragedModel
    optimiser: torch.optim.Optimizer
    schedule: LRScheduler

    def state_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name).state_dict() for name in STATEFUL}

    def load_state_dict(self, states: dict[str, Any]) -> None:
        for name in STATEFUL:
            getattr(self, name).load_state_dict(states[name])


def build_trainer(
    network: Network, recipe: Recipe, phase: Phase, films: int, ranks: Ranks
) -> Trainer:
    """Optimiser and schedule of one phase, for an epoch of so many films."""
    # Only what learns: AdamW would keep two moments a weight for layers that rest.
    prepare(network, trainable=phase.trainable, keep_norm=recipe.keep_norm)
    trainable = [p for p in network.parameters() if p.requires_grad]
    # Decoupled decay: how far a weight shrinks does not depend on how large its gradients are.
    optimiser = torch.optim.AdamW(trainable, phase.rate, weight_decay=recipe.weight_decay)
    # A cycle is stepped after every batch and has to know beforehand how many there will be; a
    # plateau is stepped after every epoch, by the validation loss.
    if phase.schedule == "onecycle":
        steps = _steps(films, recipe.batch)
        schedule = OneCycleLR(optimiser, phase.rate, epochs=phase.epochs, steps_per_epoch=steps)
    else:
        schedule = ReduceLROnPlateau(optimiser, factor=0.1, patience=phase.patience)
    # With a decay of 0 the average is the model itself. Batch statistics are averaged with the
    # weights: those of the last batch alone would not belong to averaged weights.
    blend = get_ema_multi_avg_fn(recipe.average)
    averaged = AveragedModel(network, multi_avg_fn=blend, use_buffers=True)
    return Trainer(network, ranks.wrap(network), averaged, optimiser, schedule)


def train_epoch(
    trainer: Trainer, split: Split, recipe: Recipe, epoch: int, ranks: Ranks
) -> dict[str, float]:
    """Show every film once, changed at random; returns the rate, the mean loss and the speed.

    Every epoch starts from its own seed, so that a run continued after a stop is the run that
    was never stopped. Every process changes the whole batch alike and learns from its part, so
    that the films do not depend on how many there are.
    """
    films = split.films
    # Far apart, so that no epoch of one seed is an epoch of another.
    seed = recipe.seed * 10_000 + epoch
    torch.manual_seed(seed)  # dropout draws from the device's own generator
    generator = torch.Generator().manual_seed(seed)
    # Another order each epoch: batches that stay together would learn to lean on each other.
    # Whole batches only: batch normalisation cannot learn from a last batch of one.
    order = torch.randperm(len(films), generator=generator)
    order = order[: _steps(len(films), recipe.batch) * recipe.batch]
    # Two of each film where answers are compared; at one place, so that their style alone differs.
    copies = 2 if recipe.consistency else 1
    hidden = None if ranks.leads else True  # None shows it on a terminal only
    bar = tqdm(total=len(order), unit="film", desc=f"epoch {epoch + 1}", disable=hidden)
    began, total, seen = time.perf_counter(), torch.zeros((), device=films.device), 0
    for batch in order.split(recipe.batch):
        # Films rest as bytes, a quarter of the memory, and become floats a batch at a time.
        places = draw_places(len(batch), recipe.augment, generator)
        moved = move(_to_float(films[batch]), places)
        # Changed first and shared out after: random numbers are drawn for the whole batch in every
        # process, so one process or four make the same films.
        styles = [ranks.part(change_tone(moved, recipe.augment, generator)) for _ in range(copies)]
        mine = ranks.part(batch)
        loss = _loss(trainer, styles, split.labels[mine], split.weights[mine], recipe)
        # Gradients of the batch before are not wanted: each step is of one batch.
        trainer.optimiser.zero_grad()
        loss.backward()
        trainer.optimiser.step()
        trainer.averaged.update_parameters(trainer.model)
        # Read before the schedule moves on: this is the rate the step was made with.
        rate = trainer.optimiser.param_groups[0]["lr"]
        if isinstance(trainer.schedule, OneCycleLR):
            trainer.schedule.step()
        # Summed on the device: to read it is to wait, and a GPU would stand still between batches.
        total, seen = total + loss.detach() * len(batch), seen + len(batch)
        if bar.update(len(batch)):  # when the bar is drawn again, a few times a second
            bar.set_postfix(loss=f"{total.item() / seen:.4f}", rate=f"{rate:.1e}", refresh=False)
    bar.close()
    mean = total.item() / seen  # waits for the last batch, so before the clock is read
    # Of all films: what the processes have done together.
    speed = seen / (time.perf_counter() - began)
    return {"rate": rate, "train_loss": mean, "films_per_second": speed}


def _loss(
    trainer: Trainer,
    styles: list[torch.Tensor],
    labels: torch.Tensor,
    weights: torch.Tensor,
    recipe: Recipe,
) -> torch.Tensor:
    """Of a batch of films in one style, or of the same films in two."""
    films = torch.cat(styles)
    with half_precision(trainer.model, films.device.type):
        logits = trainer.parallel(films)  # (styles x N, K)
    # In float32 whatever the network ran in: bfloat16 has eight bits a number, and a mean over
    # films and findings would lose what tells good networks apart.
    answers = logits.float().chunk(len(styles))
    losses = [weighted_bce(answer, labels, weights, recipe.smoothing) for answer in answers]
    loss = torch.stack(losses).mean()
    return loss + recipe.consistency * disagreement(*answers) if len(answers) > 1 else loss


def half_precision(network: nn.Module, device: str) -> torch.autocast:
    """What the device multiplies fastest: bfloat16 halves a step, where the processor has it.

    Elsewhere a processor would imitate it, slower than float32; and so it does wherever a network
    convolves channel by channel (EfficientNet, Xception), which no processor speeds up.
    """
    if device == "cpu":
        has = torch.cpu.get_capabilities().get("avx512_bf16", False)
        dense = all(m.groups == 1 for m in network.modules() if isinstance(m, nn.Conv2d))
        return torch.autocast(device, torch.bfloat16, enabled=has and dense)
    has = torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.autocast(device, torch.bfloat16, enabled=has)


def _steps(films: int, batch: int) -> int:
    return max(1, films // batch)  # fewer films than a batch are one batch


@torch.no_grad()
def validation_loss(network: nn.Module, split: Split, batch: int) -> float:
    """The training loss, labels unsmoothed, on films neither changed nor learned from."""
    # No dropout, and stored statistics: a film's score must not depend on its neighbours. In
    # float32 throughout, as in the clinic.
    network.eval()
    logits = torch.cat([network(_to_float(films)) for films in split.films.split(batch)])
    return weighted_bce(logits, split.labels, split.weights).item()


def _to_float(films: torch.Tensor) -> torch.Tensor:
    return films.float() / 255
