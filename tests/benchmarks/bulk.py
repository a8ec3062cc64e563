"""Folders of films from the command line: time against a plain loop, memory against fewer."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path

from cxrapp.model.bundle import DEFAULT, WEIGHTS
from tests.benchmarks.pairs import Comparison, time_in_turn
from tests.places import ROOT, SAMPLE_FOLDER


def bulk_against_plain_loop(rounds: int, films: int, name: str) -> Iterator[Comparison]:
    """Decode to table, ours and a loop of a few lines."""
    with make_folder(films) as folder:
        plain = [sys.executable, "-m", "tests.benchmarks.plain_loop", str(folder), os.devnull]
        yield Comparison(
            f"{films:,} films from the command line, decode to CSV, {name}",
            "a plain loop of the same work: PIL, transforms, eager, one film at a time",
            time_in_turn(
                lambda: _peak_memory(_command(folder, name)),
                lambda: _peak_memory(plain),
                rounds,
                warm_up=0,
            ),
            0.25 if name == DEFAULT else 1 / 3,
        )


def memory_of_many_against_few(many: int, few: int) -> Iterator[Comparison]:
    """Peak memory of the process that screens; decoders apart have limits of their own."""
    with make_folder(many) as large, make_folder(few) as small:
        pair = tuple(_peak_memory(_command(folder, DEFAULT)) for folder in (large, small))
    yield Comparison(
        f"peak memory while {many:,} films are scored",
        f"the same with {few:,}",
        (pair,),
        1.1,
        unit="MiB",
    )


@contextmanager
def make_folder(count: int) -> Iterator[Path]:
    """A folder of so many films: the samples, again and again."""
    samples = sorted(SAMPLE_FOLDER.glob("*.jpeg"))
    with tempfile.TemporaryDirectory() as folder:
        films = Path(folder, "films")
        films.mkdir()
        for number, sample in enumerate(islice(cycle(samples), count)):
            (films / f"{number:06}.jpeg").symlink_to(sample)
        yield films


def _command(folder: Path, name: str) -> list[str]:
    out = str(folder.with_suffix(".csv"))  # beside it
    screen = [sys.executable, "-m", "cxrapp", "screen", str(folder), "--csv", out]
    return [*screen, "--bundle", str(WEIGHTS / f"{name}.pt")]


def _peak_memory(command: list[str]) -> float:
    """Run a command to its end: the largest resident set of its own process, in MiB."""
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return usage.ru_maxrss / 2**10
