"""A stand-in for `lungs.pt`: the same two lungs in every film, and an answer it is given."""

import hashlib
import json
from pathlib import Path

import numpy as np
import torch
from torch import nn

from cxrapp.model.lungs import KINDS, SCHEMA, describe
from tests.model.small_bundle import stored

SIZE = 32


class Stub(nn.Module):
    """Two ellipses beside each other; the kind and the age are given."""

    def __init__(self, kind: str, adult: float) -> None:
        super().__init__()
        y, x = torch.meshgrid(*[(torch.arange(SIZE) + 0.5) / SIZE] * 2, indexing="ij")
        masks = [((x - c) / 0.15) ** 2 + ((y - 0.5) / 0.3) ** 2 < 1 for c in (0.27, 0.73)]
        self.register_buffer("masks", torch.stack(masks).float())
        self.register_buffer("kinds", torch.eye(len(KINDS))[KINDS.index(kind)])
        self.register_buffer("adult", torch.tensor(adult))

    def forward(self, films: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        count = films.shape[0]
        return (
            self.masks.repeat(count, 1, 1, 1),
            self.kinds.repeat(count, 1),
            self.adult.repeat(count),
        )


def lung_masks() -> np.ndarray:
    """(2, 32, 32) float32: what every stand-in finds."""
    return Stub("frontal", 0.0).masks.numpy()


def put_lungs(folder: Path, kind: str = "frontal", adult: float = 0.0, **changes: object) -> Path:
    """Write lungs.pt and its card into a folder of bundles."""
    data = stored(torch.jit.script(Stub(kind, adult)))
    names = describe(lung_masks())
    card = {
        "schema": SCHEMA,
        "sha256": hashlib.sha256(data).hexdigest(),
        "preprocessing": {"size": SIZE},
        "shapes": {name: [0.0, 1.0] for name in names},
        "kinds": dict.fromkeys(KINDS[1:], 0.5),
        "adult": 0.5,
        "measured": {},
        "training": {},
    }
    path = folder / "lungs.pt"
    path.write_bytes(data)
    path.with_suffix(".json").write_text(json.dumps(card | changes))
    return path
