"""A hundred thousand films in one run, stopped in the middle and continued.

python -m tests.benchmarks.many [--films 100000] [--engine ray] [--json out.json]

Not among the other benchmarks, as it takes hours. The films are the samples, again and again. Ends
with 1 unless the table is complete: every film in its place, once, with a row a finding.
"""

import argparse
import csv
import json
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import psutil

from cxrapp.bulk.job import PART_FILES, parts_folder
from cxrapp.model.bundle import DEFAULT, WEIGHTS
from cxrapp.model.card_file import load_card
from tests.benchmarks.bulk import make_folder
from tests.places import ROOT

LOOK = 0.5  # seconds between two looks
STAGES = 10  # of which the pace is told


@dataclass(frozen=True)
class Look:
    """What a run had done by then.

    Args:
        seconds: Since the first start, without the pause between the two.
        films: Finished, to the part.
        megabytes: Of the run and its children, pages they share counted once.
    """

    seconds: float
    films: int
    megabytes: float


def main() -> int:
    """Print the pace of every tenth, the memory, and whether the table is whole."""
    options = _parse_options()
    with make_folder(options.films) as folder:
        table = folder.with_suffix(".csv")
        command = [sys.executable, "-m", "cxrapp", "screen", str(folder), "--csv", str(table)]
        command += ["--engine", options.engine, "--bundle", str(WEIGHTS / f"{DEFAULT}.pt")]
        looks = watch(command, table, 0.0, stop_at=options.films // 2)
        stopped = len(looks)
        looks += watch(command, table, looks[-1].seconds)
        looks.append(replace(looks[-1], films=options.films))  # the parts went with the last look
        fault = find_fault(table, options.films)
    figures = {
        "films": options.films,
        "engine": options.engine,
        "films a second, stage by stage": pace(looks, options.films),
        "MB, first and last half, largest": [
            max(look.megabytes for look in part) for part in (looks[:stopped], looks[stopped:])
        ],
        "seconds": round(looks[-1].seconds, 1),
        "fault of the table": fault,
    }
    print(json.dumps(figures, indent=1))
    if options.json:
        options.json.write_text(json.dumps(figures | {"looks": [vars(o) for o in looks]}) + "\n")
    return 1 if fault else 0


def watch(command: list[str], table: Path, begun: float, stop_at: int | None = None) -> list[Look]:
    """Run to the end, or until so many films are done: what was seen meanwhile.

    Raises:
        CalledProcessError: It ended otherwise than it should.
    """
    # A shell's job in the background ignores Ctrl-C, and what it starts would do so as well.
    heed = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL, preexec_fn=heed)
    start, looks = time.monotonic(), [Look(begun, count_films(table), 0.0)]
    while process.poll() is None:
        films = max(count_films(table), looks[-1].films)  # the parts are gone once the table is
        looks.append(Look(begun + time.monotonic() - start, films, memory(process.pid)))
        if stop_at is not None and films >= stop_at:
            process.send_signal(signal.SIGINT)
            process.wait(120)
        with suppress(subprocess.TimeoutExpired):
            process.wait(LOOK)
    if process.returncode != (0 if stop_at is None else 130):
        raise subprocess.CalledProcessError(process.returncode, command)
    return looks


def count_films(table: Path) -> int:
    """Of finished parts, the last of which may hold fewer."""
    return PART_FILES * sum(1 for _ in parts_folder(table).glob("*/??????.csv"))


def memory(pid: int) -> float:
    """MB of a process and its children (PSS)."""
    total = 0.0
    with suppress(psutil.NoSuchProcess):
        parent = psutil.Process(pid)
        for process in (parent, *parent.children(recursive=True)):
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                total += process.memory_full_info().pss / 2**20
    return total


def pace(looks: list[Look], films: int) -> list[float]:
    """Films a second in every tenth of the films; starting and what a stop costs count."""
    ends = [next(o for o in looks if o.films >= films * n // STAGES) for n in range(STAGES)]
    return [
        round((b.films - a.films) / (b.seconds - a.seconds), 2)
        for a, b in pairwise([*ends, looks[-1]])
        if b.seconds > a.seconds
    ]


def find_fault(table: Path, films: int) -> str:
    """What is wrong with a table of so many films, numbered in order; nothing if it is whole."""
    findings = [finding.name for finding in load_card(WEIGHTS / f"{DEFAULT}.pt").findings]
    with table.open(newline="") as file:
        rows = csv.DictReader(file)
        for number in range(films):
            for finding in findings:
                row = next(rows, None)
                if row is None:
                    return f"it ends before film {number}"
                found = Path(row["file"]).stem, row["finding"]
                if found != (f"{number:06}", finding):
                    return f"{found} where film {number}, {finding} should be"
                if row["status"] == "error":
                    return f"film {number}: {row['message']}"
        return "" if next(rows, None) is None else "it has rows too many"


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.many",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--films", type=int, default=100_000, help="some hundred at least")
    parser.add_argument("--engine", choices=["local", "ray"], default="local")
    parser.add_argument("--json", type=Path, help="file for all that was seen")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
