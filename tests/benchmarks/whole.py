"""A whole training until the validation films are told apart, ours and as published.

python -m tests.benchmarks.whole [--data FOLDER] [--auroc 0.97]

Not among the other benchmarks, as it needs the films and takes a quarter of an hour. Both train
DenseNet121 from random weights on the same children's films, pneumonia or not, with a weighted
loss. Theirs is what the published systems have in common: 224 px, Adam at 1e-4, mirrored and zoomed
films. Only the time of training counts, and that of the processor: whatever else the machine does
changes it little.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import replace

import torch
import torchvision
from sklearn.metrics import roc_auc_score
from torchvision import transforms

from tests.places import ROOT
from train.data import find_data
from train.distributed import join_ranks
from train.epoch import Split, build_trainer, train_epoch
from train.fit import load_split, split_table
from train.model import GreyToRgb, build_network, prepare
from train.recipe import Phase, Recipe, load_recipe

OURS = Phase(
    schedule="onecycle", rate=2e-3, sizes=((96, 6),)
)  # as the shipped recipe begins, in one cycle
SIDE, BATCH, RATE, EPOCHS = 224, 32, 1e-4, 20  # of theirs
LOOK_EVERY = 32  # steps of theirs, a fifth of an epoch: a late look must not count against them

Looks = Iterator[torch.nn.Module]  # (N, 1, S, S) in [0, 1] -> (N, 1); the same, ever better


def main() -> int:
    """Print every look at the validation films, and the ratio of both times."""
    options = _parse_options()
    recipe = load_recipe(ROOT / "train/recipes/pneumonia.toml")
    recipe = replace(recipe, findings=recipe.findings[:1], phases=(OURS,))
    root = find_data(options.data)
    table = split_table(recipe, root)
    seconds = []
    for side, train in ((OURS.size_at(0), _ours), (SIDE, _theirs)):
        films, validation = (
            load_split(table, table, name, root, recipe, side, join_ranks())
            for name in ("train", "validation")
        )
        seconds.append(_time(train(recipe, films), validation, options.auroc))
    ours, theirs = seconds
    print(f"{ours / 60:.1f} against {theirs / 60:.1f} minutes of processor: {ours / theirs:.2f}")
    return 0


def _ours(recipe: Recipe, films: Split) -> Looks:
    torch.manual_seed(recipe.seed)
    network = build_network(1, recipe.dropout).to(memory_format=torch.channels_last)
    ranks = join_ranks()
    trainer = build_trainer(network, recipe, OURS, len(films.films), ranks)
    for epoch in range(OURS.epochs):
        prepare(network, trainable=OURS.trainable, keep_norm=recipe.keep_norm)
        train_epoch(trainer, films, recipe, epoch, ranks)
        yield trainer.averaged


def _theirs(recipe: Recipe, films: Split) -> Looks:
    torch.manual_seed(recipe.seed)
    network = torchvision.models.densenet121(num_classes=1)
    shown = torch.nn.Sequential(GreyToRgb(), network)
    optimiser = torch.optim.Adam(network.parameters(), RATE)
    present = films.labels.mean()
    loss = torch.nn.BCEWithLogitsLoss(pos_weight=(1 - present) / present)
    change = transforms.Compose(
        [transforms.RandomHorizontalFlip(), transforms.RandomAffine(0, scale=(0.9, 1.1))]
    )
    steps = 0
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(films.films)).split(BATCH):
            shown.train()
            inputs = torch.stack([change(film) for film in films.films[batch]]) / 255
            optimiser.zero_grad()
            loss(shown(inputs), films.labels[batch]).backward()
            optimiser.step()
            steps += 1
            if steps % LOOK_EVERY == 0:
                yield shown


def _time(looks: Looks, validation: Split, auroc: float) -> float:
    """Seconds of the processor until the goal is met.

    Raises:
        ValueError: The training ended before.
    """
    seconds, began = 0.0, time.process_time()
    for network in looks:
        seconds += time.process_time() - began
        network.eval()
        with torch.no_grad():
            parts = validation.films.split(BATCH)
            scores = torch.cat([network(part.float() / 255) for part in parts])
        area = roc_auc_score(validation.labels, scores)
        print(f"{seconds / 60:.1f} minutes: AUROC {area:.4f}", flush=True)
        if area >= auroc:
            return seconds
        began = time.process_time()
    raise ValueError(f"An AUROC of {auroc} was not reached.")


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.whole",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", help="the folder of films, else CXR_DATA")
    parser.add_argument("--auroc", type=float, default=0.97, help="the goal, on validation films")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
