"""Bundles small enough to be spoilt by the dozen."""

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import torch

from cxrapp.model.bundle import WEIGHTS
from train.distance import PopulationDistance
from train.model import Exported, build_network, with_averages

CARD = json.loads((WEIGHTS / "pneumonia.json").read_text())


def script(findings: int = 2, seed: int = 0) -> torch.jit.ScriptModule:
    torch.manual_seed(seed)
    network = build_network(findings, dropout=0.2, backbone="small_cnn").eval()
    parts = with_averages(network), network.head, PopulationDistance(128, 4)
    return torch.jit.script(Exported(*parts))


def stored(module: torch.jit.ScriptModule) -> bytes:
    buffer = io.BytesIO()
    torch.jit.save(module, buffer)
    return buffer.getvalue()


def put(folder: Path, data: bytes, name: str = "model", **changes: Any) -> Path:
    """A bundle whose card vouches for whatever the model file holds."""
    path = folder / f"{name}.pt"
    path.write_bytes(data)
    card = CARD | {"sha256": hashlib.sha256(data).hexdigest()} | changes
    path.with_suffix(".json").write_text(json.dumps(card))
    return path
