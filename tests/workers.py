"""How several workers of pytest-xdist share the tests, and what takes long to make."""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

# Files that share a server or the survey of hostile files, which would else be made twice.
TOGETHER = {
    "tests/browser/test_screening.py": "one server",
    "tests/load/test_load.py": "one server",
    "tests/privacy/test_exposure.py": "one server",
    "tests/hostile/test_hostile_read.py": "one survey",
    "tests/hostile/test_hostile_screen.py": "one survey",
    "tests/hostile/test_hostile_worklist.py": "one survey",
}


class FileByFile(LoadScopeScheduling):
    """A file's tests go to one worker, as they share what they set up, and so do `TOGETHER`'s.

    The marker xdist_group would do the same, but not with this pytest: it is passed over without a
    word.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return TOGETHER.get(file, file)


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
