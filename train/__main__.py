"""The training program's command line.

python -m train fit --recipe train/recipes/pneumonia.toml --data DIR --out runs/NAME
"""

import argparse
import sys
from pathlib import Path

from train.data import find_data
from train.fit import fit
from train.recipe import load_recipe


def main(arguments: list[str] | None = None) -> int:
    """Run one command; bad input ends in a sentence and exit status 2."""
    options = _build_parser().parse_args(arguments)
    try:
        options.run_command(options)
    except ValueError as error:
        print(f"train: {error}", file=sys.stderr)
        return 2
    return 0


def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m train", description="Train a bundle.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser("fit", help="train by a recipe, or continue a stopped run")
    command.add_argument("--recipe", type=Path, required=True, help="a TOML file")
    command.add_argument("--out", type=Path, required=True, help="folder of the run")
    command.add_argument("--data", help="folder with train and test (default: $CXR_DATA)")
    command.add_argument("--init", help="random, imagenet or a file of weights")
    command.add_argument("--seed", type=int, help="another seed than the recipe's")
    command.set_defaults(run_command=_fit)
    return parser


def _fit(options: argparse.Namespace) -> None:
    recipe = load_recipe(options.recipe).override(init=options.init, seed=options.seed)
    fit(recipe, find_data(options.data), options.out)


if __name__ == "__main__":
    sys.exit(main())
