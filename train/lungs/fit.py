"""Train the lung network: cross-entropy and Dice for the masks, cross-entropy for the rest."""

import json
import math
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from train.epoch import half_precision
from train.files import load_checkpoint, load_progress, save_atomically
from train.lungs.batches import CUT_SHARE, KIND_SHARES, RANGES, WHITE_SHARE, Batch, make_batch
from train.lungs.films import Pool, digest_pool
from train.lungs.network import LungNet

# The first at 96 px, where a film has 0.56 of the pixels; most at what ships, which is where lungs'
# edges are learned: validation's Dice is 0.944 with 6 and 2 epochs, 0.950 with 9 and 7, 0.952 so.
SIZES = ((96, 12), (128, 24))  # side in pixels and epochs at it
BATCH = 48
RATE = 3e-3  # the highest, of AdamW
WARM_UP = 0.2  # share of the training in which the rate rises
WEIGHT_DECAY = 0.02
AVERAGE = 0.99  # decay a step of the weights that are kept
ADULT_FILMS = 2500  # an epoch, drawn from those without masks
REPEATS = 3  # an epoch: adults with masks, of whom there are few
EMPTY_WEIGHT = 0.3  # of a mask that is empty, beside one that is not


def fit(pool: Pool, out: Path, sizes: tuple[tuple[int, int], ...] = SIZES) -> None:
    """Train on a pool, or go on where `out` stands; every epoch is kept in `out`/lungs.pt.

    Args:
        pool: At the last of the sizes.
        sizes: Side in pixels and epochs at it.

    Raises:
        ValueError: `out` holds a run on another pool or by other settings.
    """
    # Hashed anew at every start, which takes a second or two: a pool has no name to know it by.
    stamp = {"plan": json.dumps(list_settings(sizes)), "data": digest_pool(pool)}
    # Before the first random weight: a seed is one network.
    torch.manual_seed(0)
    network = LungNet().to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(network.parameters(), RATE, weight_decay=WEIGHT_DECAY)
    blend = get_ema_multi_avg_fn(AVERAGE)
    # Batch statistics are averaged too: those of the last batch do not belong to averaged weights.
    averaged = AveragedModel(network, multi_avg_fn=blend, use_buffers=True)
    epochs = [size for size, count in sizes for _ in range(count)]
    generator = torch.Generator().manual_seed(0)
    # The same in every epoch: chance decides which adults are drawn, and not how many.
    steps = max(1, len(choose_films(pool, generator)) // BATCH)
    parts = {"model": network, "averaged": averaged, "optimiser": optimiser}
    done, shrunk = _resume(out / "lungs.pt", stamp, parts), pool
    for epoch, size in list(enumerate(epochs))[done:]:
        # Every epoch from its own seed: a run continued after a stop is the run never stopped.
        generator.manual_seed(epoch)
        torch.manual_seed(epoch)
        # Once a size, and always from the pool itself: shrunk twice, films would be blurred twice.
        if shrunk.films.shape[-1] != size:
            shrunk = shrink(pool, size)
        began, total = time.perf_counter(), 0.0
        network.train()
        # Whole batches only; those left over are others in the next epoch.
        order = choose_films(pool, generator)[: steps * BATCH]
        for step, chosen in enumerate(order.split(BATCH)):
            # By the share of the plan that is done, without a schedule's own state: one thing less
            # to keep, and to get wrong where a run goes on.
            rate = rate_at((epoch + step / steps) / len(epochs))
            for group in optimiser.param_groups:
                group["lr"] = rate
            total += _step(network, make_batch(shrunk, chosen, generator), optimiser)
            averaged.update_parameters(network)
        seconds = time.perf_counter() - began
        print(
            f"epoch {epoch + 1}, {size} px: loss {total / steps:.4f}, {seconds:.0f} s", flush=True
        )
        # All of it in one file, replaced in one step: killed at any moment, the run is of this
        # epoch or of the one before.
        states = {name: part.state_dict() for name, part in parts.items()}
        save_atomically(out / "lungs.pt", stamp | states | {"epoch": epoch + 1})


def _resume(path: Path, stamp: dict[str, str], parts: dict[str, Any]) -> int:
    """Epochs that are done, their state restored."""
    kept = load_progress(path, stamp)
    if kept is None:
        return 0
    for name, part in parts.items():
        part.load_state_dict(kept[name])
    return kept["epoch"]


def list_settings(sizes: tuple[tuple[int, int], ...]) -> dict[str, Any]:
    """The settings that a run goes on by, as plain values; the card has them too."""
    return {
        "sizes and epochs": [list(pair) for pair in sizes],
        "batch": BATCH,
        "rate": RATE,
        "warm-up": WARM_UP,
        "weight decay": WEIGHT_DECAY,
        "average": AVERAGE,
        "adults without masks an epoch": ADULT_FILMS,
        "repeats of adults with masks": REPEATS,
        "weight of an empty mask": EMPTY_WEIGHT,
        # With what is drawn for every film: other ranges and shares make other films.
        "changes": asdict(RANGES),
        "kinds": KIND_SHARES,
        "cut": CUT_SHARE,
        "one lung white": WHITE_SHARE,
    }


def rate_at(share: float) -> float:
    """The learning rate when so much of the training, in [0, 1), is done: one cycle of cosines."""
    if share < WARM_UP:
        return RATE * (0.52 - 0.48 * math.cos(math.pi * share / WARM_UP))  # from a 25th of it
    return RATE * (0.5 + 0.5 * math.cos(math.pi * (share - WARM_UP) / (1 - WARM_UP)))


def _step(network: LungNet, batch: Batch, optimiser: torch.optim.Optimizer) -> float:
    inputs = batch.films.contiguous(memory_format=torch.channels_last)
    with half_precision(network, "cpu"):
        answers = network(inputs)
    # In float32 whatever the network ran in: bfloat16 has but eight significant bits.
    loss = lung_loss(*(answer.float() for answer in answers), batch)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return loss.item()


def choose_films(pool: Pool, generator: torch.Generator) -> torch.Tensor:
    """The films of one epoch in random order, (N,) int64."""
    # NaN counts: `OTHER_ADULTS`, whose age is not to be learned, are the only adults with masks.
    adult = ~(pool.adult == 0)
    masked, bare = (torch.nonzero(m)[:, 0] for m in (pool.masked, ~pool.masked))
    few = masked[(adult & pool.chest)[masked]]
    # Nearly all adults are without masks: drawn whole, they would be half of every epoch.
    drawn = bare[torch.randperm(len(bare), generator=generator)[:ADULT_FILMS]]
    films = torch.cat([masked, *[few] * (REPEATS - 1), drawn])
    return films[torch.randperm(len(films), generator=generator)]


def shrink(pool: Pool, size: int) -> Pool:
    """A pool with smaller pixels."""
    if pool.films.shape[-1] == size:
        return pool
    return replace(pool, films=_resize(pool.films, size), masks=_resize(pool.masks, size))


def _resize(values: torch.Tensor, size: int) -> torch.Tensor:
    parts = [
        # Antialiased, as `Preprocessing` shrinks films in the clinic; bytes again, as the pool is.
        F.interpolate(part.float(), (size, size), mode="bilinear", antialias=True).round().byte()
        for part in values.split(256)  # at a time: floats are four times as large
    ]
    return torch.cat(parts)


def lung_loss(
    masks: torch.Tensor, kinds: torch.Tensor, adult: torch.Tensor, batch: Batch
) -> torch.Tensor:
    """Of logits as `LungNet` gives them."""
    # Dice says nothing of an empty mask. Its pixels do, but they are easy and count for less.
    full = batch.masked & (batch.masks.amax((1, 2, 3)) > 0.5)
    weights = torch.where(full, 1.0, EMPTY_WEIGHT) * batch.masked
    pixels = F.binary_cross_entropy_with_logits(masks, batch.masks, reduction="none")
    loss = (pixels.mean((1, 2, 3)) * weights).sum() / weights.sum().clamp(min=1)
    loss = loss + soft_dice_loss(masks[full].sigmoid(), batch.masks[full])
    by_film = F.cross_entropy(kinds, batch.kinds, reduction="none")
    loss = loss + 0.3 * (by_film * batch.known).sum() / batch.known.sum().clamp(min=1)
    told = ~batch.adult.isnan()
    if told.any():
        # This answer is not stored, but what it teaches the deepest level stays: the head that
        # ships reads it there (`train.lungs.adult`).
        loss = loss + 0.2 * F.binary_cross_entropy_with_logits(adult[told], batch.adult[told])
    return loss


def soft_dice_loss(probabilities: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """1 - Dice, mean over films and lungs; both (N, 2, S, S) in [0, 1]. 0 for no films."""
    if not len(masks):
        return masks.sum()
    both = (probabilities * masks).sum((2, 3))
    # 1 more above and below the line: a lung that has left the film would be 0 of 0.
    return (1 - (2 * both + 1) / (probabilities.sum((2, 3)) + masks.sum((2, 3)) + 1)).mean()


def load_network(out: Path) -> LungNet:
    """The network that `fit` has kept, its weights averaged.

    Raises:
        OSError, ValueError: It is not there, or damaged.
    """
    network = LungNet()
    # Wrapped as it was saved; the averaged network is inside.
    averaged = AveragedModel(network)
    averaged.load_state_dict(load_checkpoint(out / "lungs.pt")["averaged"])
    return averaged.module.to(memory_format=torch.channels_last).eval()
