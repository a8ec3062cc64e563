"""Files that are either whole or not there: a run killed while it writes loses nothing."""

import hashlib
import json
import math
import os
from pathlib import Path
from typing import Any

import torch
from torch import nn


def write_atomically(path: Path, text: str) -> None:
    """Write a text file by way of a temporary neighbour."""
    part = path.with_name(path.name + ".part")
    part.write_text(text)
    os.replace(part, path)


def to_json(value: Any) -> str:
    """Plain values as strict JSON: NaN becomes null."""

    def plain(part: Any) -> Any:
        if isinstance(part, dict):
            return {key: plain(inner) for key, inner in part.items()}
        if isinstance(part, list | tuple):
            return [plain(inner) for inner in part]
        return None if isinstance(part, float) and math.isnan(part) else part

    return json.dumps(plain(value), allow_nan=False, indent=1) + "\n"


def digest_weights(*modules: nn.Module) -> str:
    """SHA-256 over every weight and buffer, in order."""
    digest = hashlib.sha256()
    for module in modules:
        for value in module.state_dict().values():
            digest.update(value.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def save_atomically(path: Path, value: dict[str, Any]) -> None:
    """Write a checkpoint of tensors and plain values by way of a temporary neighbour."""
    part = path.with_name(path.name + ".part")
    torch.save(value, part)
    os.replace(part, path)


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint; `weights_only` keeps pickled code from running."""
    return torch.load(path, map_location="cpu", weights_only=True)
