"""Training steps against the loop that torchvision's reference has, on a GPU where there is one."""

import os
import tempfile
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path

import torch
import torchvision
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from cxrapp.films.preprocess import Preprocessing
from tests.benchmarks.pairs import Comparison, time_in_turn
from tests.places import ROOT, SAMPLE_FOLDER
from train.data import read_film
from train.distributed import join_ranks
from train.epoch import Split, build_trainer, train_epoch
from train.model import build_network
from train.recipe import Phase, load_recipe

DEVICE = join_ranks().device
ON_GPU = DEVICE.type == "cuda"
SIDE, BATCH = (224, 128) if ON_GPU else (128, 32)
WORKERS = os.cpu_count() or 1


def step_against_reference(rounds: int, films: int) -> Iterator[Comparison]:
    """An epoch of so many films, the first one's start-up not counted."""
    where = torch.cuda.get_device_name() if ON_GPU else "CPU"
    batch = min(BATCH, films)
    with tempfile.TemporaryDirectory() as folder:
        paths = _make_small_films(Path(folder), films)
        yield Comparison(
            f"{films // batch} training steps of {batch} films of {SIDE} px, {where}, augmented",
            f"torchvision's reference loop: loader, transforms, SGD{', in bfloat16' * ON_GPU}",
            time_in_turn(_Ours(paths, batch), _Reference(paths, batch), rounds, warm_up=1),
            1 / 1.3,
        )


class _Ours:
    """One epoch by the recipe that ships."""

    def __init__(self, paths: list[Path], batch: int) -> None:
        to_input = Preprocessing(SIDE).to_input
        pixels = [torch.from_numpy(to_input(read_film(path).pixels)) for path in paths]
        films = (torch.stack(pixels) * 255).to(torch.uint8)
        labels = torch.arange(2 * len(paths)).reshape(-1, 2) % 2
        parts = films, labels.float(), torch.ones(len(paths), 2)
        self._split = Split(*(part.to(DEVICE) for part in parts))
        self._recipe = load_recipe(ROOT / "train/recipes/pneumonia.toml").override(batch=batch)
        self._ranks = join_ranks()
        network = build_network(2, 0.0).to(DEVICE, memory_format=torch.channels_last)
        phase = Phase(rate=1e-4, sizes=((SIDE, 1),))
        self._trainer = build_trainer(network, self._recipe, phase, len(paths), self._ranks)

    def __call__(self) -> None:
        train_epoch(self._trainer, self._split, self._recipe, 0, self._ranks)


class _Reference:
    """One epoch as torchvision's references/classification does it, with its usual transforms."""

    def __init__(self, paths: list[Path], batch: int) -> None:
        self._loader = DataLoader(
            _Files(paths),
            batch,
            shuffle=True,
            num_workers=WORKERS,
            persistent_workers=True,
            drop_last=True,
            pin_memory=ON_GPU,
        )
        self._network = torchvision.models.densenet121(num_classes=2).to(DEVICE)
        self._optimiser = torch.optim.SGD(
            self._network.parameters(), 0.01, momentum=0.9, weight_decay=1e-4
        )
        self._loss = torch.nn.CrossEntropyLoss()

    def __call__(self) -> None:
        self._network.train()
        for batch in self._loader:
            films, labels = (part.to(DEVICE, non_blocking=True) for part in batch)
            with torch.autocast(DEVICE.type, torch.bfloat16, enabled=ON_GPU):
                loss = self._loss(self._network(films), labels)
            self._optimiser.zero_grad()
            loss.backward()
            self._optimiser.step()
        loss.item()  # waits for the device


class _Files(Dataset[tuple[torch.Tensor, int]]):
    def __init__(self, paths: list[Path]) -> None:
        self._paths = paths
        self._prepare = transforms.Compose(
            [
                transforms.RandomResizedCrop(SIDE),
                transforms.RandomHorizontalFlip(),
                transforms.PILToTensor(),
                transforms.ConvertImageDtype(torch.float),
                transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
            ]
        )

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        with Image.open(self._paths[index]) as image:
            return self._prepare(image.convert("RGB")), index % 2


def _make_small_films(folder: Path, count: int) -> list[Path]:
    """Films of 224 pixels, as published copies are: the samples, again and again."""
    paths = []
    for number, sample in enumerate(islice(cycle(sorted(SAMPLE_FOLDER.glob("*.jpeg"))), count)):
        paths.append(folder / f"{number:05}.jpeg")
        with Image.open(sample) as image:
            image.convert("L").resize((224, 224)).save(paths[-1], quality=95)
    return paths
