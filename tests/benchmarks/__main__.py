"""Measure speed against what people would use instead, as ratios of runs in turn.

python -m tests.benchmarks [--quick] [--only NAME...] [--out benchmarks.md] [--json out.json]
"""

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Iterable
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
from tests.benchmarks.page import moves_and_openings
from tests.benchmarks.pairs import Comparison
from tests.benchmarks.start import (
    page_against_torch,
    sample_against_torch,
    start_against_torch,
)
from tests.benchmarks.training import step_against_reference

Run = Callable[[], Iterable[Comparison]]

BENCHMARKS: dict[str, tuple[Run, Run]] = {}  # name: (in full, to see that it works)


def _add(
    name: str, run: Callable[..., Iterable[Comparison]], full: tuple, quick: tuple, *more: str
) -> None:
    BENCHMARKS[name] = partial(run, *full, *more), partial(run, *quick, *more)


# First what a reader waits for: the page, a film, a folder, the slider. Then what explains it.
BUNDLES = (DEFAULT, f"{DEFAULT}-int8")
_add("page", page_against_torch, (5,), (1,))
_add("sample", sample_against_torch, (5,), (1,))
for bundle in BUNDLES:
    _add(f"film, {bundle}", film_against_forward, (30,), (1,), bundle)
for bundle in BUNDLES:
    _add(f"bulk, {bundle}", bulk_against_plain_loop, (3, 1000), (1, 4), bundle)
_add("night", bulk_against_plain_loop, (3, 300), (1, 4), DEFAULT)
_add("moves", moves_and_openings, (30, 500), (1, 6))
_add("start", start_against_torch, (5,), (1,))
for bundle in BUNDLES:
    _add(f"grad-cam, {bundle}", film_against_grad_cam, (10,), (1,), bundle)
for bundle in BUNDLES:
    _add(f"matrices, {bundle}", network_against_matrices, (15,), (1,), bundle)
_add("memory", memory_of_many_against_few, (10_000, 500), (8, 4))
_add("training step", step_against_reference, (5, 192), (1, 8))


def main(arguments: list[str] | None = None) -> int:
    """Run them and print the table."""
    options = _parse_options(arguments)
    done: dict[str, list[Comparison]] = {}
    for name in options.only or BENCHMARKS:
        print(f"{name} ...", file=sys.stderr)
        full, quick = BENCHMARKS[name]
        done[name] = list(quick() if options.quick else full())
    table = to_markdown([one for compared in done.values() for one in compared])
    print(table)
    if options.out:
        options.out.write_text(table)
    if options.json:
        comparisons = {name: [asdict(one) for one in compared] for name, compared in done.items()}
        values = {"machine": describe_machine(), "comparisons": comparisons}
        options.json.write_text(json.dumps(values, indent=1) + "\n")
    return 0


def to_markdown(done: list[Comparison]) -> str:
    """The table, with the machine above it."""
    lines = [
        "| what | against | ours | ratio, median (range) | rounds | target |",
        "|---|---|--:|--:|--:|--:|",
    ]
    for one in done:
        low, high = one.spread
        ours = f"{one.ours:,.0f}" if one.ours >= 100 else f"{one.ours:.2g}"
        lines.append(
            f"| {one.what} | {one.against} | {ours} {one.unit} "
            f"| {one.ratio:.2f} ({low:.2f} to {high:.2f}) "
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
