"""The training program's command line.

python -m train fit --recipe train/recipes/pneumonia.toml --data DIR --out runs/NAME
python -m train crossval --recipe train/recipes/pneumonia.toml --out runs/folds
python -m train evaluate runs/NAME
python -m train shortcuts runs/NAME
python -m train gate runs/NAME
python -m train report runs/NAME
python -m train compare runs/NAME runs/OTHER --out runs/compared
python -m train export runs/NAME --out weights/NAME.pt [--int8]
python -m train release --plan train/recipes/release.toml
python -m train lungs --out runs/lungs --export weights/lungs.pt
"""

import argparse
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from cxrapp.runtime.files import say
from train.bottleneck import compare_backbones, load_bottleneck
from train.compare import compare
from train.data import find_data
from train.evaluate import evaluate
from train.export import export
from train.fit import fit
from train.gate import print_gate
from train.lungs.run import train_lungs
from train.measure import to_text
from train.recipe import load_recipe
from train.release import release
from train.repeat import cross_validate, leave_sources_out, repeat_seeds
from train.report import write_report
from train.shortcuts import measure_shortcuts


def main(arguments: list[str] | None = None) -> int:
    """Run one command; bad input or a disk that is full ends in a sentence and exit status 2."""
    options = _build_parser().parse_args(arguments)
    try:
        options.run_command(options)
    except ValueError as error:
        print(f"train: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"train: {say(error)}", file=sys.stderr)
        return 2
    return 0


def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m train", description="Train a bundle.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, (words, options, run) in COMMANDS.items():
        command = commands.add_parser(name, help=words)
        for option in (*options.split(), "--data"):
            command.add_argument(option, **OPTIONS[option])
        command.set_defaults(run_command=run)
    return parser


def _fit(options: argparse.Namespace) -> None:
    recipe = load_recipe(options.recipe)
    recipe = recipe.override(
        init=options.init,
        seed=options.seed,
        backbone=options.backbone,
        phases=options.rate and tuple(replace(one, rate=options.rate) for one in recipe.phases),
    ).with_batch(options.batch)
    root = find_data(options.data)
    if options.seeds:
        repeat_seeds(recipe, root, options.out, options.seeds)
    else:
        fit(recipe, root, options.out)


def _crossval(options: argparse.Namespace) -> None:
    root = find_data(options.data)
    recipe = load_recipe(options.recipe).override(init=options.init).with_batch(options.batch)
    if options.by == "source":
        leave_sources_out(recipe, root, options.out)
    else:
        cross_validate(recipe, root, options.out, options.folds)


def _release(options: argparse.Namespace) -> None:
    root = ["--data", str(find_data(options.data))]
    batch = ["--batch", str(options.batch)] if options.batch else []
    parser = _build_parser()

    def run_step(arguments: list[str]) -> None:
        step = parser.parse_args(arguments)
        step.run_command(step)

    commands = ("fit", "crossval", "evaluate", "shortcuts", "report", "export", "bottleneck")
    extra = {name: root + (batch if name in ("fit", "crossval") else []) for name in commands}
    release(options.plan, Path("runs/steps.csv"), extra, run_step)


# What every option says, whichever command takes it.
OPTIONS: dict[str, dict[str, Any]] = {
    "run": {"type": Path, "help": "folder of the run"},
    "runs": {"type": Path, "nargs": "+", "help": "folders of runs"},
    "--recipe": {"type": Path, "required": True, "help": "a TOML file"},
    "--plan": {"type": Path, "required": True, "help": "a TOML file of steps"},
    "--out": {"type": Path, "required": True, "help": "folder to write; of an export NAME.pt"},
    "--init": {"help": "random, imagenet or a file of weights"},
    "--backbone": {"help": "another backbone than the recipe's"},
    "--rate": {"type": float, "help": "another rate than the recipe's phases have"},
    "--batch": {"type": int, "help": "another batch than the recipe's"},
    "--seed": {"type": int, "help": "another seed than the recipe's"},
    "--seeds": {"type": int, "nargs": "+", "help": "once each, measured together"},
    "--folds": {"type": int, "default": 5, "help": "how many, of whole blocks"},
    "--by": {"choices": ("block", "source"), "default": "block"},
    "--test": {"action": "store_true", "help": "open the official test"},
    "--int8": {"action": "store_true", "help": "in eight bits: several times as fast"},
    "--export": {"type": Path, "help": "write the network and its card: lungs.pt"},
    "--data": {"help": "folder with train and test (default: $CXR_DATA)"},
}
# Command -> help, the options it takes beside --data, and what it runs.
COMMANDS: dict[str, tuple[str, str, Callable[[argparse.Namespace], object]]] = {
    "fit": (
        "train by a recipe, or continue a stopped run",
        "--recipe --out --init --backbone --rate --batch --seed --seeds",
        _fit,
    ),
    "crossval": (
        "train once a fold, or once without each source",
        "--recipe --out --init --folds --batch --by",
        _crossval,
    ),
    "bottleneck": (
        "compare backbones that stay as they are",
        "--recipe --out",
        lambda o: compare_backbones(load_bottleneck(o.recipe), find_data(o.data), o.out),
    ),
    "evaluate": (
        "measure a run on validation and test",
        "run --test",
        lambda o: print(to_text(evaluate(o.run, find_data(o.data), test=o.test))),
    ),
    "shortcuts": (
        "measure what a run knows without the lungs",
        "run",
        lambda o: measure_shortcuts(o.run, find_data(o.data)),
    ),
    "gate": (
        "count what the gate accepts, warns of and refuses",
        "run --test",
        lambda o: print_gate(o.run, find_data(o.data), test=o.test),
    ),
    "report": (
        "write one HTML page about a run",
        "run",
        lambda o: write_report(o.run, find_data(o.data)),
    ),
    "compare": (
        "hold runs against the first of them",
        "runs --out --test",
        lambda o: compare(o.runs, find_data(o.data), o.out, test=o.test),
    ),
    "export": (
        "write a run's bundle and its card",
        "run --out --int8",
        lambda o: export(o.run, find_data(o.data), o.out, int8=o.int8),
    ),
    "release": ("every step of a plan, such as the shipped one", "--plan --batch", _release),
    "lungs": (
        "train the network that finds the lungs",
        "--out --export --test",
        lambda o: train_lungs(find_data(o.data), o.out, o.export, test=o.test),
    ),
}

if __name__ == "__main__":
    sys.exit(main())
