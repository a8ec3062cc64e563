"""From nothing to a first page and a first result, against loading the same network."""

import subprocess
import sys
from collections.abc import Callable, Iterator

from tests.benchmarks.pairs import Comparison, time_in_turn
from tests.load.reader import Reader
from tests.load.server import serve
from tests.places import ROOT, SAMPLE_FOLDER

OURS = """
import sys
from pathlib import Path
from cxrapp.model.bundle import WEIGHTS, load_bundle
from cxrapp.model.predict import predict
from cxrapp.films.decode import read_upload
path = Path(sys.argv[1])
films = list(read_upload(path.name, path.read_bytes()))
print(predict(load_bundle(WEIGHTS / "pneumonia.pt"), films))
"""
THEIRS = """
import io, torch, torchvision
network = torchvision.models.densenet121(num_classes=2)
buffer = io.BytesIO()
torch.save(network.state_dict(), buffer)
buffer.seek(0)
torchvision.models.densenet121(num_classes=2).load_state_dict(torch.load(buffer))
"""


SAMPLE = sorted(SAMPLE_FOLDER.glob("*.jpeg"))[0]


def page_against_torch(rounds: int) -> Iterator[Comparison]:
    """From the start of the app until its first page stands with all it offers."""
    return _against_torch("from the start of the app to its first page", _open_page, rounds, 0.6)


def sample_against_torch(rounds: int) -> Iterator[Comparison]:
    """The same until a sample film is scored on it."""
    words = "from the start of the app to a sample film scored on its page"
    return _against_torch(words, lambda: _open_page(score=True), rounds, 1.5)


def start_against_torch(rounds: int) -> Iterator[Comparison]:
    """A process that scores a sample, against one that only loads a network of that kind."""
    words = "cold start: a process until a sample film is scored"
    return _against_torch(words, lambda: _run(OURS, str(SAMPLE)), rounds, 0.9)


def _against_torch(
    what: str, ours: Callable[[], None], rounds: int, target: float
) -> Iterator[Comparison]:
    yield Comparison(
        what,
        "importing torch and torchvision, building the network, loading its weights",
        time_in_turn(ours, lambda: _run(THEIRS), rounds, warm_up=1),
        target,
    )


def _open_page(*, score: bool = False) -> None:
    with serve() as server, Reader(server.address) as reader:
        if score:
            reader.screen({SAMPLE.name: SAMPLE.read_bytes()})


def _run(program: str, *arguments: str) -> None:
    command = [sys.executable, "-W", "ignore", "-c", program, *arguments]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
