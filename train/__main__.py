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
    # What is wrong with films, recipe or options is a ValueError with a sentence, all over `train`;
    # anything else is a fault of the program and keeps its traceback.
    except ValueError as error:
        print(f"train: {error}", file=sys.stderr)
        return 2
    # Python's own text begins with an error number; `say` makes a sentence of it.
    except OSError as error:
        print(f"train: {say(error)}", file=sys.stderr)
        return 2
    return 0


def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m train", description="Train a bundle.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, (words, options, run) in COMMANDS.items():
        command = commands.add_parser(name, help=words)
        # Every command reads films, so each takes `--data`.
        for option in (*options.split(), "--data"):
            command.add_argument(option, **OPTIONS[option])
        # With the options, so that nothing has to look the command up a second time.
        command.set_defaults(run_command=run)
    return parser


def _fit(options: argparse.Namespace) -> None:
    recipe = load_recipe(options.recipe)
    # Changes of one recipe, and no recipe each: seeds and backbones that are compared must differ
    # in nothing else. What was not given is None, which `override` passes over.
    recipe = recipe.override(
        init=options.init,
        seed=options.seed,
        backbone=options.backbone,
        phases=options.rate and tuple(replace(one, rate=options.rate) for one in recipe.phases),
        # Last, as it scales the rates to the batch, also one that was given here.
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
    # Given to every step: a plan names no folder, and runs wherever the films lie.
    root = ["--data", str(find_data(options.data))]
    # Not every machine has room for a recipe's batch, or is kept busy by it.
    batch = ["--batch", str(options.batch)] if options.batch else []
    parser = _build_parser()

    def run_step(arguments: list[str]) -> None:
        # By the same parser as what is typed: each step can be repeated by hand.
        step = parser.parse_args(arguments)
        step.run_command(step)

    commands = ("fit", "crossval", "evaluate", "shortcuts", "report", "export", "bottleneck")
    # The others do not know the option, and would refuse it.
    extra = {name: root + (batch if name in ("fit", "crossval") else []) for name in commands}
    release(options.plan, Path("runs/steps.csv"), extra, run_step)


# What every option says, whichever command takes it.
OPTIONS: dict[str, dict[str, Any]] = {
    "run": {"type": Path, "help": "folder of the run"},
    "runs": {"type": Path, "nargs": "+", "help": "folders of runs"},
    "--recipe": {"type": Path, "required": True, "help": "a TOML file"},
    "--plan": {"type": Path, "required": True, "help": "a TOML file of steps"},
    # No default: a second run by it would find the first one there.
    "--out": {"type": Path, "required": True, "help": "folder to write; of an export NAME.pt"},
    # No choices for these two: a file may be meant, and timm knows hundreds of names. A wrong one
    # is told before the first epoch.
    "--init": {"help": "random, imagenet or a file of weights"},
    "--backbone": {"help": "another backbone than the recipe's"},
    "--rate": {"type": float, "help": "another rate than the recipe's phases have"},
    "--batch": {"type": int, "help": "another batch than the recipe's"},
    "--seed": {"type": int, "help": "another seed than the recipe's"},
    # One after another in one command, so that films are decoded once for all of them.
    "--seeds": {"type": int, "nargs": "+", "help": "once each, measured together"},
    # Each is a whole training; with fewer of them, each has fewer films to learn from.
    "--folds": {"type": int, "default": 5, "help": "how many, of whole blocks"},
    # Blocks unless asked: a recipe with one source has none to leave out.
    "--by": {"choices": ("block", "source"), "default": "block"},
    # Never by default: every opening is counted, and ought to be somebody's decision.
    "--test": {"action": "store_true", "help": "open the official test"},
    # Not by default either: scores may differ by a hundredth between processors, which is for
    # whoever exports to accept.
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
    # Without --test: folds are there to choose by and to teach, and would open it once each.
    "crossval": (
        "train once a fold, or once without each source",
        "--recipe --out --init --folds --batch --by",
        _crossval,
    ),
    # Its recipe is of another kind: heads on kept features have neither phases nor augmentation.
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
    # Neither this nor the report has --test: they show what `evaluate` has opened and open nothing.
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
    # A folder of its own, as what it writes belongs to none of the runs more than to another.
    "compare": (
        "hold runs against the first of them",
        "runs --out --test",
        lambda o: compare(o.runs, find_data(o.data), o.out, test=o.test),
    ),
    # Opens the test unasked: a card must say how a network does on films that nobody chose by.
    "export": (
        "write a run's bundle and its card",
        "run --out --int8",
        lambda o: export(o.run, find_data(o.data), o.out, int8=o.int8),
    ),
    "release": ("every step of a plan, such as the shipped one", "--plan --batch", _release),
    # No recipe: one such network stands before every bundle, its settings in `train.lungs.fit`.
    "lungs": (
        "train the network that finds the lungs",
        "--out --export --test",
        lambda o: train_lungs(find_data(o.data), o.out, o.export, test=o.test),
    ),
}

if __name__ == "__main__":
    sys.exit(main())
