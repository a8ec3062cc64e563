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
from dataclasses import replace
from pathlib import Path

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

    command = commands.add_parser("fit", help="train by a recipe, or continue a stopped run")
    command.add_argument("--recipe", type=Path, required=True, help="a TOML file")
    command.add_argument("--out", type=Path, required=True, help="folder of the run")
    command.add_argument("--init", help="random, imagenet or a file of weights")
    command.add_argument("--backbone", help="another backbone than the recipe's")
    command.add_argument("--rate", type=float, help="another rate than the recipe's phases have")
    command.add_argument("--batch", type=int, help="another batch than the recipe's")
    command.add_argument("--seed", type=int, help="another seed than the recipe's")
    command.add_argument("--seeds", type=int, nargs="+", help="once each, measured together")
    command.set_defaults(run_command=_fit)

    command = commands.add_parser("crossval", help="train once a fold, or once without each source")
    command.add_argument("--recipe", type=Path, required=True, help="a TOML file")
    command.add_argument("--out", type=Path, required=True, help="folder of the runs")
    command.add_argument("--init", help="random, imagenet or a file of weights")
    command.add_argument("--folds", type=int, default=5, help="how many, of whole blocks")
    command.add_argument("--batch", type=int, help="another batch than the recipe's")
    command.add_argument("--by", choices=("block", "source"), default="block")
    command.set_defaults(run_command=_crossval)

    command = commands.add_parser("bottleneck", help="compare backbones that stay as they are")
    command.add_argument("--recipe", type=Path, required=True, help="a TOML file")
    command.add_argument("--out", type=Path, required=True, help="folder for features and table")
    command.set_defaults(
        run_command=lambda o: compare_backbones(load_bottleneck(o.recipe), find_data(o.data), o.out)
    )

    command = commands.add_parser("evaluate", help="measure a run on validation and test")
    command.add_argument("run", type=Path, help="folder of the run")
    command.add_argument("--test", action="store_true", help="open the official test as well")
    command.set_defaults(
        run_command=lambda o: print(to_text(evaluate(o.run, find_data(o.data), test=o.test)))
    )

    command = commands.add_parser("shortcuts", help="measure what a run knows without the lungs")
    command.add_argument("run", type=Path, help="folder of the run")
    command.set_defaults(run_command=lambda o: measure_shortcuts(o.run, find_data(o.data)))

    command = commands.add_parser("gate", help="count what the gate accepts, warns of and refuses")
    command.add_argument("run", type=Path, help="folder of the run")
    command.add_argument("--test", action="store_true", help="open the official test as well")
    command.set_defaults(run_command=lambda o: print_gate(o.run, find_data(o.data), test=o.test))

    command = commands.add_parser("report", help="write one HTML page about a run")
    command.add_argument("run", type=Path, help="folder of the run")
    command.set_defaults(run_command=lambda o: write_report(o.run, find_data(o.data)))

    command = commands.add_parser("compare", help="hold runs against the first of them")
    command.add_argument("runs", type=Path, nargs="+", help="folders of runs")
    command.add_argument("--out", type=Path, required=True, help="folder for table and figure")
    command.add_argument("--test", action="store_true", help="on the official test, not validation")
    command.set_defaults(
        run_command=lambda o: compare(o.runs, find_data(o.data), o.out, test=o.test)
    )

    command = commands.add_parser("export", help="write a run's bundle and its card")
    command.add_argument("run", type=Path, help="folder of the run")
    command.add_argument("--out", type=Path, required=True, help="the bundle, NAME.pt")
    command.add_argument("--int8", action="store_true", help="in eight bits: several times as fast")
    command.set_defaults(run_command=lambda o: export(o.run, find_data(o.data), o.out, int8=o.int8))

    command = commands.add_parser("release", help="every step of a plan, such as the shipped one")
    command.add_argument("--plan", type=Path, required=True, help="a TOML file of steps")
    command.add_argument("--batch", type=int, help="another batch than the recipes'")
    command.set_defaults(run_command=_release)

    command = commands.add_parser("lungs", help="train the network that finds the lungs")
    command.add_argument("--out", type=Path, required=True, help="folder of the run")
    command.add_argument("--export", type=Path, help="write the network and its card: lungs.pt")
    command.add_argument("--test", action="store_true", help="open the official test as well")
    command.set_defaults(
        run_command=lambda o: train_lungs(find_data(o.data), o.out, o.export, test=o.test)
    )

    for command in commands.choices.values():
        command.add_argument("--data", help="folder with train and test (default: $CXR_DATA)")
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


if __name__ == "__main__":
    sys.exit(main())
