"""What takes long to make is made once a run, though several workers ask for it."""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest


def make_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """The path of this name that the workers of pytest-xdist share, for reading only.

    Args:
        make: Makes it, a file or a folder, at the path it is given; called by the first to ask,
            while the others wait.
    """
    base = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent  # each worker has a folder of its own in it
    shared = base / "shared"
    shared.mkdir(exist_ok=True)
    done = shared / f"{name}.done"
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # until it is closed, by a worker that dies as well
        if not done.exists():
            make(shared / name)
            done.touch()
    return shared / name
