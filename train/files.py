"""What a run writes and reads: tables, numbers and checkpoints, each whole or not there."""

import hashlib
import io
from pathlib import Path
from typing import Any

import torch
from torch import nn

from cxrapp.runtime.files import write_whole


def write_atomically(path: Path, text: str) -> None:
    """Write a text file that is whole whenever it is there."""
    write_whole(path, text.encode())


def digest_weights(*modules: nn.Module) -> str:
    """SHA-256 over every weight and buffer, in order."""
    digest = hashlib.sha256()
    for module in modules:
        # Buffers as well: what batch normalisation has counted changes answers as weights do.
        for value in module.state_dict().values():
            # Laid out alike first: on a GPU, or channels last, the same weights lie in other
            # places.
            digest.update(value.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def save_atomically(path: Path, value: dict[str, Any]) -> None:
    """Write a checkpoint of tensors and plain values that is whole whenever it is there."""
    buffer = io.BytesIO()  # to a file, PyTorch hides that the disk is full
    torch.save(value, buffer)
    write_whole(path, buffer.getbuffer())


def load_progress(path: Path, stamp: dict[str, str]) -> dict[str, Any] | None:
    """Where a run stands, written with its stamp; None where it has not begun.

    Raises:
        ValueError: A run of another stamp stands there, or the file is damaged.
    """
    if not path.exists():
        return None
    saved = load_checkpoint(path)
    # Refused and not begun anew: the folder may hold a night's work, and a slip of the recipe must
    # not cost it.
    for key, value in stamp.items():
        if saved.get(key) != value:
            raise ValueError(f"{path.parent} holds a run with another {key}: choose another --out.")
    return saved


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint; `weights_only` keeps pickled code from running.

    Raises:
        ValueError: The file is damaged.
    """
    try:
        # To the CPU, wherever it was saved: what a GPU has trained must open without one.
        return torch.load(path, map_location="cpu", weights_only=True)
    # A file that is not there or not to be read is not damaged: its own message says what it is.
    except OSError:
        raise
    except Exception as error:  # a damaged archive makes PyTorch raise nearly anything
        reason = str(error).strip().partition("\n")[0]
        raise ValueError(f"{path} is not a whole checkpoint: {reason}") from error
