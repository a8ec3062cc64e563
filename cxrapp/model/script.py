"""Opening TorchScript, only of files whose digest has matched their card, and running it."""

import hashlib
import io
import timeit
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
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


@contextmanager
def open_model(path: Path, sha256: str, limit: int) -> Iterator[BinaryIO]:
    """A model file to load a network from, and to try that before the `with` is left.

    Raises:
        InvalidBundle: As `read_model_file`; or it would fill the memory, or anything else went
            wrong with it.
    """
    data = read_model_file(path, sha256, limit)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > limit:
                raise ValueError(f"it unpacks to more than {limit // 2**20} MB")
        yield io.BytesIO(data)
    # What a damaged archive makes the readers raise is not to be listed; memory and keys included.
    except Exception as error:
        reason = str(error).strip().partition("\n")[0][:200] or type(error).__name__
        raise InvalidBundle(f"{path.name}: the model file cannot be loaded ({reason}).") from error


def load_script(file: Path | BinaryIO) -> torch.nn.Module:
    """TorchScript for inference: float32, no gradients, channels last (a third faster)."""
    module = torch.jit.load(file, map_location="cpu").float().eval()
    for parameter in module.parameters():
        parameter.requires_grad = False
    return module.to(memory_format=torch.channels_last)


def freeze(module: torch.nn.Module) -> torch.nn.Module:
    """Fold batch normalisation: faster still, but no layers and weights to ask for any more."""
    return torch.jit.freeze(module)


def has_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16 itself; any other is slower with it."""
    features = torch.cpu.get_capabilities()
    return any(features.get(name, False) for name in ("amx_bf16", "avx512_bf16"))


class Frozen(torch.nn.Module):
    """A frozen script: films (N, 1, S, S) float32 -> float32 tensors, whatever it computes in.

    In bfloat16 a convolution rounds what it takes and adds up in float32, several times as fast on
    a processor made for it. Batch normalisation keeps its scales in float32.

    Args:
        script: Its own, and not yet run.
        bfloat16: Whether its convolutions run in bfloat16.
        optimised: Whether PyTorch compiles it in the first calls of every shape: to no gain where
            floats are frozen already, and for a third of a second.
    """

    def __init__(
        self, script: torch.jit.ScriptModule, *, bfloat16: bool = False, optimised: bool = False
    ) -> None:
        super().__init__()
        self._script, self.bfloat16, self._optimised = script, bfloat16, optimised
        if bfloat16:
            _round_weights(script)

    def forward(self, films: torch.Tensor) -> tuple[torch.Tensor, ...]:
        with (
            torch.jit.optimized_execution(self._optimised),
            torch.autocast("cpu", torch.bfloat16, enabled=self.bfloat16),
        ):
            return tuple(answer.float() for answer in self._script(films))


def _round_weights(script: torch.jit.ScriptModule) -> None:
    """Round the convolutions' weights once; autocast alone would do so for every film.

    Frozen weights are constants of the graph, which is the one place to reach them.
    """
    for convolution in script.graph.findAllNodes("aten::conv2d"):
        for value in list(convolution.inputs())[1:3]:  # weight and bias
            constant = value.node()
            if constant.hasAttribute("value"):  # else it has no bias
                rounded = constant.t("value").to(torch.bfloat16)
                constant.t_("value", rounded)
                value.inferTypeFrom(rounded)


@torch.no_grad()
def time_film(network: torch.nn.Module, side: int, rounds: int = 5) -> float:
    """Seconds of the fastest pass of one film of side x side pixels."""
    film = torch.zeros(1, 1, side, side).contiguous(memory_format=torch.channels_last)
    return min(timeit.repeat(lambda: network(film), repeat=rounds, number=1))
