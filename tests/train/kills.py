"""Programs in processes of their own, killed at their n-th change of a folder or after a while.

What a kill leaves is what stands in the folder at that moment, and of that a program that runs to
its end can leave a copy for every change it makes. What TensorBoard's own thread does is no change:
it comes when it likes.

Every process is forked from one that has PyTorch imported already, so that a kill costs a fraction
of a second.
"""

import multiprocessing
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(["train.fit", "train.export", "pytorch_grad_cam"])
CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


@dataclass(frozen=True)
class Course:
    """What a program did to a folder, (event, name) in order, and how long it took."""

    changes: list[tuple[str, str]]
    seconds: float


def run_whole(folder: Path, program: Callable, *arguments: Any, kept: Path | None = None) -> Course:
    """Run to the end.

    Args:
        kept: Where the folder's copies go, each as it stood before a change and called by its
            number, from 1 on; none where there was no folder yet.
    """
    ours, theirs = SERVER.Pipe(duplex=False)
    process = SERVER.Process(target=_watch, args=(theirs, 0, kept, folder, program, *arguments))
    process.start()
    theirs.close()
    course = ours.recv()
    process.join()
    assert process.exitcode == 0
    return course


def kill_at(change: int, folder: Path, program: Callable, *arguments: Any) -> None:
    """Kill a program as it is about to make its n-th change, counted from 1."""
    process = SERVER.Process(target=_watch, args=(None, change, None, folder, program, *arguments))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL


def kill_after(seconds: float, program: Callable, *arguments: Any) -> bool:
    """Kill a program after a while; returns whether it was still at work."""
    process = SERVER.Process(target=_run, args=(program, *arguments))
    process.start()
    process.join(seconds)
    process.kill()
    process.join()
    return process.exitcode == -signal.SIGKILL


def _run(program: Callable, *arguments: Any) -> None:
    import torch

    from cxrapp.films.decode import read_upload
    from train import data

    torch.set_num_threads(1)  # the same sums in every process
    data.read_untrusted = read_upload  # a decoder of its own takes as long as the training
    sys.stdout = open(os.devnull, "w")  # what goes wrong is said on the other
    program(*arguments)


def _watch(
    report: Connection | None,
    last: int,
    kept: Path | None,
    folder: Path,
    program: Callable,
    *arguments: Any,
) -> None:
    done: list[tuple[str, str]] = []
    copying = 0.0  # seconds that are not the program's

    def count(event: str, details: tuple) -> None:
        nonlocal copying
        if event == "open" and details[2] & WRITING or event in CHANGES:
            name = details[1] if event == "os.rename" else details[0]
            path = Path(os.fsdecode(name) if isinstance(name, str | bytes | os.PathLike) else "")
            if path.is_relative_to(folder) and folder / "tensorboard" not in path.parents:
                done.append((event, os.path.relpath(path, folder)))
                if kept and folder.exists():
                    start = time.perf_counter()
                    shutil.copytree(folder, kept / str(len(done)))
                    copying += time.perf_counter() - start
                if len(done) == last:
                    os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    began = time.perf_counter()
    _run(program, *arguments)
    if report:
        report.send(Course(list(done), time.perf_counter() - began - copying))
