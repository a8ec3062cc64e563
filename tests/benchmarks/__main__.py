"""Measure speed against what people would use instead, as ratios of runs in turn.

python -m tests.benchmarks [--quick] [--only NAME...] [--out benchmarks.md] [--json out.json]
"""

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path

import torch

from cxrapp.model.bundle import DEFAULT
from tests.benchmarks.bulk import bulk_against_plain_loop, memory_of_many_against_few
from tests.benchmarks.network import (
    film_against_forward,
    film_against_grad_cam,
    network_against_matrices,
)
from tests.benchmarks.page import move_against_empty, move_with_many, open_film_with_many
from tests.benchmarks.pairs import Comparison
from tests.benchmarks.start import start_against_torch
from tests.benchmarks.training import step_against_reference

Run = Callable[[], Comparison]

BENCHMARKS: dict[str, tuple[Run, Run]] = {  # name: (in full, to see that it works)
    "memory": (
        partial(memory_of_many_against_few, 10_000, 500),
        partial(memory_of_many_against_few, 8, 4),
    ),
    "start": (partial(start_against_torch, 5), partial(start_against_torch, 1)),
    "slider": (partial(move_against_empty, 30), partial(move_against_empty, 2)),
    "slider of many": (partial(move_with_many, 30, 500), partial(move_with_many, 2, 10)),
    "opening of many": (partial(open_film_with_many, 30, 500), partial(open_film_with_many, 2, 10)),
    "training step": (
        partial(step_against_reference, 5, 192),
        partial(step_against_reference, 1, 32),
    ),
}
for bundle in (DEFAULT, f"{DEFAULT}-int8"):
    BENCHMARKS |= {
        f"film, {bundle}": (
            partial(film_against_forward, 30, bundle),
            partial(film_against_forward, 1, bundle),
        ),
        f"grad-cam, {bundle}": (
            partial(film_against_grad_cam, 10, bundle),
            partial(film_against_grad_cam, 1, bundle),
        ),
        f"matrices, {bundle}": (
            partial(network_against_matrices, 15, bundle),
            partial(network_against_matrices, 1, bundle),
        ),
        f"bulk, {bundle}": (
            partial(bulk_against_plain_loop, 3, 1000, bundle),
            partial(bulk_against_plain_loop, 1, 4, bundle),
        ),
    }


def main(arguments: list[str] | None = None) -> int:
    """Run them and print the table."""
    options = _parse_options(arguments)
    done = []
    for name in options.only or BENCHMARKS:
        print(f"{name} ...", file=sys.stderr)
        full, quick = BENCHMARKS[name]
        done.append(quick() if options.quick else full())
    table = to_markdown(done)
    print(table)
    if options.out:
        options.out.write_text(table)
    if options.json:
        values = {"machine": describe_machine(), "comparisons": [asdict(one) for one in done]}
        options.json.write_text(json.dumps(values, indent=1) + "\n")
    return 0


def to_markdown(done: list[Comparison]) -> str:
    """The table, with the machine above it."""
    lines = [
        "| what | against | ratio, median (range) | rounds | target |",
        "|---|---|--:|--:|--:|",
    ]
    for one in done:
        low, high = one.spread
        lines.append(
            f"| {one.what} | {one.against} | {one.ratio:.2f} ({low:.2f} to {high:.2f}) "
            f"| {len(one.pairs)} | <= {one.target:.2f}{'' if one.is_met else ', missed'} |"
        )
    return "\n".join([describe_machine(), "", *lines, ""])


def describe_machine() -> str:
    """What it ran on, without its name."""
    return (
        f"{os.cpu_count()} cores, {torch.backends.cpu.get_cpu_capability()}, "
        f"Python {platform.python_version()}, torch {torch.__version__}"
    )


def _parse_options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a round each, to see that it works")
    parser.add_argument("--only", nargs="+", choices=BENCHMARKS, metavar="NAME")
    parser.add_argument("--out", type=Path, help="the table as Markdown")
    parser.add_argument("--json", type=Path, help="every round of it")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
