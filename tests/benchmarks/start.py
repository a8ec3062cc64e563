"""From nothing to a first result, against loading the same network the usual way."""

import subprocess
import sys

from tests.benchmarks.pairs import Comparison, time_in_turn
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


def start_against_torch(rounds: int) -> Comparison:
    """A process that scores a sample, against one that only loads a network of that kind."""
    sample = str(sorted(SAMPLE_FOLDER.glob("*.jpeg"))[0])
    return Comparison(
        "cold start: a process until a sample film is scored",
        "importing torch and torchvision, building the network, loading its weights",
        time_in_turn(lambda: _run(OURS, sample), lambda: _run(THEIRS), rounds, warm_up=1),
        0.9,
    )


def _run(program: str, *arguments: str) -> None:
    command = [sys.executable, "-W", "ignore", "-c", program, *arguments]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
