"""The shipped bundles from nothing: every step of a plan in order, and how long each took.

    python -m train release --plan train/recipes/release.toml --data DIR [--batch 128]

A plan is a TOML file whose `steps` are lines as they follow `python -m train`. Steps continue what
a stopped run has left, so the same command goes on after a stop; on a GPU that is lent for minutes,
two calls do what one would. Writes runs/steps.csv, one line a step and call.
"""

import csv
import io
import shlex
import time
import tomllib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from train.files import write_atomically


def load_plan(path: Path) -> list[list[str]]:
    """The arguments of each step.

    Raises:
        ValueError: The file is not TOML, or its `steps` are no lines of text or have an empty one.
    """
    try:
        lines = tomllib.loads(path.read_text())["steps"]
        # By a shell's rules, so that a path with blanks may stand in quotes.
        steps = [shlex.split(line) for line in lines]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path}: {error!r} - a plan holds `steps`, a list of lines.") from error
    # Refused and not passed over: TOML has blank lines of its own, so this one has lost its step.
    if [] in steps:
        raise ValueError(f"{path}: step {steps.index([]) + 1} is an empty line.")
    return steps


def release(
    plan: Path, record: Path, extra: dict[str, list[str]], run_step: Callable[[list[str]], None]
) -> None:
    """Run every step; the first that fails ends it.

    Args:
        record: The CSV file of steps and minutes.
        extra: Command -> arguments that every step of that command gets.
        run_step: Runs one line of the training program's command line.
    """
    # The whole plan is read before its first step: what cannot be read is told now and not after
    # hours of training.
    for arguments in load_plan(plan):
        started = time.perf_counter()
        # Flushed, as a step may take an hour and a log must tell which one it is.
        print(f"step: {shlex.join(arguments)}", flush=True)
        # In this process: films that one step has decoded are there for the next.
        run_step(arguments + extra.get(arguments[0], []))
        # Step by step, so that a run which is cut off leaves the minutes of those it has done.
        _write_down(record, shlex.join(arguments), time.perf_counter() - started)


def _write_down(record: Path, step: str, seconds: float) -> None:
    # Lines of earlier calls stay: what a step took is the sum over them.
    before = record.read_text() if record.exists() else "finished,minutes,step\n"
    record.parent.mkdir(parents=True, exist_ok=True)
    line = io.StringIO()
    # In UTC: a plan may go on on a machine elsewhere.
    finished = datetime.now(UTC).isoformat(timespec="seconds")
    # By a writer of CSV, as a step may hold commas and quotes. To tenths of a minute: it is to say
    # whether a plan ends tonight.
    csv.writer(line, lineterminator="\n").writerow([finished, f"{seconds / 60:.1f}", step])
    write_atomically(record, before + line.getvalue())
