"""Runs in a process of their own, to be killed."""

import os
import subprocess
import sys
import time
from pathlib import Path

from cxrapp.bulk.job import Job, parts_folder
from cxrapp.model.bundle import WEIGHTS
from cxrapp.model.decision import Setting
from tests.places import ROOT

BUNDLE = WEIGHTS / "pneumonia.pt"
REST = 5.0  # seconds after each part of a run to be stopped: on a busy machine one comes to it late
# A process of its own, with parts small enough to die between them. It takes Ctrl-C also where
# these tests run in a shell's background, which ignores it.
PROGRAM = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
from cxrapp.bulk import job, part
job.PART_FILES = 2
write = part.Screener.write
part.Screener.write = lambda *screened: (write(*screened), time.sleep({rest}))
from cxrapp.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


def start(
    *arguments: object, bundle: Path = BUNDLE, rest: float = 0.0, **environment: str
) -> subprocess.Popen:
    program = PROGRAM.format(rest=rest)
    command = [sys.executable, "-c", program, "screen", *map(str, arguments)]
    return subprocess.Popen(
        [*command, "--bundle", str(bundle)],
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finished_parts(csv: Path) -> list[Path]:
    return sorted(parts_folder(csv).glob("*/??????.csv"))


def wait_for_parts(process: subprocess.Popen, csv: Path, count: int) -> None:
    while len(finished_parts(csv)) < count:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.01)


def describe(csv: Path, **changes: object) -> Job:
    values = {
        "settings": {"pneumonia": Setting(0.5), "viral": Setting(0.5)},
        "heatmaps": None,
        "identity": "0" * 16,
    }
    return Job(**{"bundle": BUNDLE, "csv": csv} | values | changes)
