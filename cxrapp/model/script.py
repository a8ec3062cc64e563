"""Opening TorchScript: only of files whose digest has matched their card.

Loading TorchScript runs its author's program, so a file is opened only after its digest matches
the card beside it, and the very bytes that matched are what is loaded.
"""

import hashlib
import io
import warnings
import zipfile
from pathlib import Path
from typing import BinaryIO

import torch

from cxrapp.errors import InvalidBundle
from cxrapp.model.bundle_files import read_part

# PyTorch announces torch.jit's end with every call; the bundle format is pinned in requirements.
warnings.filterwarnings("ignore", message=r".*torch\.jit\..* is deprecated", category=FutureWarning)


def read_model_file(path: Path, sha256: str, limit: int) -> bytes:
    """The bytes of a model file, once they are those its card describes.

    Args:
        sha256: What the card says.
        limit: The most bytes it may have.

    Raises:
        InvalidBundle: As `read_part`, or the digest is another.
    """
    data = read_part(path, "the model file", limit)
    if hashlib.sha256(data).hexdigest() != sha256:
        raise InvalidBundle(
            f"{path.name}: the model file is not the one its card describes (SHA-256 differs); "
            "copy both files again."
        )
    return data


def check_unpacked(data: bytes, limit: int) -> None:
    """Raises ValueError for an archive that would fill the memory."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        unpacked = sum(entry.file_size for entry in archive.infolist())
    if unpacked > limit:
        raise ValueError(f"it unpacks to more than {limit // 2**20} MB")


def load_script(file: Path | BinaryIO) -> torch.nn.Module:
    """TorchScript for inference: float32, no gradients, channels last (a third faster)."""
    module = torch.jit.load(file, map_location="cpu").float().eval()
    for parameter in module.parameters():
        parameter.requires_grad = False
    return module.to(memory_format=torch.channels_last)


def freeze(module: torch.nn.Module) -> torch.nn.Module:
    """Fold batch normalisation: faster still, but no layers and weights to ask for any more."""
    return torch.jit.freeze(module)
