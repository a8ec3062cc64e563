"""Three classes from features of backbones that stay as they are (Donahue et al., DeCAF, 2014).

Where first weights were trained on these very films, for want of others, features of the training
films fit their labels better than those of the others do: heads are compared on validation.

    python -m train bottleneck --recipe train/recipes/published/bottleneck.toml --out FOLDER

Every backbone looks at every film once; its pooled features are kept on disk. On them a head of
dropout and one softmax layer is trained for every rate and dropout of the recipe, and the one with
the lowest validation loss is measured on the test. Writes FOLDER/BACKBONE-SIZE.npz,
FOLDER/bottleneck.csv and, a line every time that the test is looked at, FOLDER/openings.csv.
"""

import io
import itertools
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn
from tqdm import tqdm

from cxrapp.films.preprocess import Preprocessing
from cxrapp.model.card import Finding
from cxrapp.model.chain import class_names, read_classes
from cxrapp.runtime.files import write_whole
from cxrapp.statistics.bootstrap import Rate
from train import data
from train.evaluate import count_opening
from train.files import digest_weights, write_atomically
from train.fit import check_enough, check_starts, start_folders
from train.measure import against_the_rest
from train.model import Network, build_network
from train.sources import LEFT_OUT

# The questions of the recipes, in words that make the three published classes.
FINDINGS = (
    Finding("pneumonia", "pneumonia", "normal"),
    Finding("viral", "viral pneumonia", "bacterial pneumonia", given="pneumonia"),
)
CLASSES = class_names(FINDINGS)
SPLITS = ("train", "validation", "test")
# Published for its two best: accuracy 0.92 and 0.89, sensitivity 0.98 and 0.97, specificity 0.81
# and 0.84.
MEASURES = ("auroc", "accuracy", "sensitivity", "specificity", "f1")
CHUNK = 32  # films a forward pass


@dataclass(frozen=True)
class Bottleneck:
    """What to try.

    Args:
        backbones: Name, first weights as in a training recipe, and input sides in pixels of each.
        patience: Epochs without a lower validation loss after which a head is done.
    """

    sources: tuple[str, ...]
    backbones: tuple[tuple[str, str, tuple[int, ...]], ...]
    rates: tuple[float, ...]
    dropouts: tuple[float, ...]
    seed: int = 0  # of each head's first weights, order and dropout
    validation: tuple[int, ...] = (9, 19)  # blocks, as in a training recipe
    batch: int = 64  # rows of features
    epochs: int = 200  # at most
    patience: int = 10


@dataclass(frozen=True)
class Head:
    """A trained head, its settings, and its lowest validation loss."""

    layers: nn.Module
    rate: float
    dropout: float
    loss: float


def load_bottleneck(path: Path) -> Bottleneck:
    """Read a recipe file.

    Raises:
        ValueError: The file is not TOML or does not describe this.
    """
    try:
        values: dict[str, Any] = tomllib.loads(path.read_text())
        # A key that is no field is a slip: Python's own complaint names it.
        return Bottleneck(**{k: _freeze(value) for k, value in values.items()})
    except (OSError, ValueError, TypeError) as error:
        raise ValueError(f"{path}: {error}") from error


def _freeze(value: Any) -> Any:
    # TOML knows lists only, and what is frozen must hold nothing that can be changed.
    return tuple(_freeze(part) for part in value) if isinstance(value, list) else value


def compare_backbones(recipe: Bottleneck, root: Path, out: Path) -> pd.DataFrame:
    """One row a backbone, size and class: its numbers against the rest, by patient."""
    table = _read_films(recipe, root)
    check_starts(start_folders(*(init for _, init, _ in recipe.backbones)), table)
    out.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    trials = [(name, init, size) for name, init, sizes in recipe.backbones for size in sizes]
    for backbone, init, size in trials:
        # A file each: stopped in the middle, the next call goes on at the first that is missing.
        cache = out / f"{backbone}-{size}.npz"
        features = _load_features(cache, table, root, backbone, init, size)
        # Chosen on validation, so that the test sees one head a backbone and size.
        best = min(_train_heads(recipe, features, table), key=lambda head: head.loss)
        settings = {"backbone": backbone, "size": size, "rate": best.rate, "dropout": best.dropout}
        rows += [settings | row for row in _measure(best, features, table)]
        # Of every backbone, as each is another look; features may be kept, but scores are not.
        count_opening(out, digest_weights(best.layers))
    measured = pd.DataFrame(rows)
    write_atomically(out / "bottleneck.csv", measured.to_csv(index=False))
    print(measured.to_string(index=False))
    return measured


def _read_films(recipe: Bottleneck, root: Path) -> pd.DataFrame:
    """The films of the three classes; adds the columns of a run's split, and `answer`."""
    # As for a training run: first weights of one have then seen none of what is measured here.
    table = data.read_table(root, recipe.sources)
    misnamed = table.attrs[LEFT_OUT]
    table, _ = data.drop_copies(table, root)
    table = data.split_validation(table, recipe.validation)
    classes = read_classes(table[[f.name for f in FINDINGS]].to_numpy(float))
    # Pneumonia of unknown cause is of none of the three classes.
    table = table.assign(answer=classes)[classes >= 0].reset_index(drop=True)
    table, damaged = data.drop_damaged(table, root)
    # First, so that whoever is told of too few films knows which were lost.
    for why in (*misnamed, *damaged):
        print(f"left out: {why}")
    check_enough(table, FINDINGS, recipe.batch)
    return table


def _load_features(
    cache: Path, table: pd.DataFrame, root: Path, backbone: str, init: str, size: int
) -> np.ndarray:
    """Pooled features (N, C) float32 of every film; computed once and kept.

    Kept ones are used only for the same films in the same order, from the same first weights.
    """
    torch.manual_seed(0)  # of random first weights
    # With a head for one finding and without dropout: only `features` are used of it.
    network = build_network(1, 0.0, init, backbone).eval()
    stamp = np.array([digest_weights(network.features), *table["sha256"]])
    if cache.exists():
        # NumPy reads arrays alone, unless it is told to unpickle.
        with np.load(cache) as kept:
            if np.array_equal(kept["stamp"], stamp):
                return kept["features"]
    films = data.load_films(table, root, Preprocessing(size))  # 290 MB at 224 px
    features = np.concatenate(list(tqdm(_pool(network, films), desc=cache.stem, disable=None)))
    # Whole or not there: half an archive would end the next call.
    buffer = io.BytesIO()
    np.savez(buffer, features=features, stamp=stamp)  # 24 MB where C is 1024
    write_whole(cache, buffer.getbuffer())
    return features


@torch.no_grad()
def _pool(network: Network, films: np.ndarray) -> Iterator[np.ndarray]:
    # A third off an eager pass on the CPU.
    network.to(memory_format=torch.channels_last)
    for start in range(0, len(films), CHUNK):
        inputs = torch.from_numpy(films[start : start + CHUNK]).float() / 255
        yield network.features(inputs).mean((2, 3)).numpy()  # (B, C, h, w) -> (B, C)


def _train_heads(recipe: Bottleneck, features: np.ndarray, table: pd.DataFrame) -> Iterator[Head]:
    """A head for every rate and dropout, each from the seed."""
    train, validation = (_tensors(features, table, split) for split in SPLITS[:2])
    # By inverse frequency, or a head could do well without ever saying normal.
    counts = torch.bincount(train[1], minlength=len(CLASSES))  # (3,)
    loss = nn.CrossEntropyLoss(weight=len(train[1]) / (len(CLASSES) * counts))
    for rate, dropout in itertools.product(recipe.rates, recipe.dropouts):
        # Anew for each: heads are to differ by rate and dropout and not by luck.
        torch.manual_seed(recipe.seed)
        layers = nn.Sequential(
            nn.BatchNorm1d(features.shape[1], affine=False),  # backbones differ in scale
            nn.Dropout(dropout),
            nn.Linear(features.shape[1], len(CLASSES)),
        )
        optimiser = torch.optim.Adam(layers.parameters(), rate)
        best, kept, since = float("inf"), layers.state_dict(), 0
        for _ in range(recipe.epochs):
            layers.train()
            order = torch.randperm(len(train[0]))
            # Whole batches only, as in `train.epoch`.
            for batch in order[: len(order) // recipe.batch * recipe.batch].split(recipe.batch):
                optimiser.zero_grad()
                loss(layers(train[0][batch]), train[1][batch]).backward()
                optimiser.step()
            layers.eval()
            # All at once: some 500 rows of features.
            with torch.no_grad():
                held_out = float(loss(layers(validation[0]), validation[1]))
            since += 1
            if held_out < best:
                best, since = held_out, 0
                # Cloned, for a state dictionary is a view of the layers, which go on learning.
                kept = {key: value.clone() for key, value in layers.state_dict().items()}
            # Later epochs would only fit the training films more closely.
            if since >= recipe.patience:
                break
        # From its best epoch: those after it were no better on validation.
        layers.load_state_dict(kept)
        yield Head(layers, rate, dropout, best)


def _tensors(
    features: np.ndarray, table: pd.DataFrame, split: str
) -> tuple[torch.Tensor, torch.Tensor]:
    chosen = (table["split"] == split).to_numpy()
    return torch.from_numpy(features[chosen]), torch.from_numpy(table["answer"].to_numpy()[chosen])


@torch.no_grad()
def _measure(head: Head, features: np.ndarray, table: pd.DataFrame) -> list[dict[str, Any]]:
    # Opened once a table: which head it is was chosen on validation.
    inputs, truth = _tensors(features, table, "test")
    probabilities = head.layers(inputs).softmax(1).numpy().astype(float)
    patients = pd.factorize(table.loc[table["split"] == "test", "patient"])[0]
    said = probabilities.argmax(1)  # the likeliest class: no threshold is fitted
    rest = against_the_rest(truth.numpy(), said, probabilities, patients, CLASSES)
    return [
        # What each was chosen by stands beside what it does, or the test would be used to choose.
        {"class": name, "validation loss": round(head.loss, 4)}
        | {measure: str(Rate(**row[measure])) for measure in MEASURES}
        for name, row in rest.items()
    ]
