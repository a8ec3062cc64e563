"""Films for many readers, and the scores that the command line gives them."""

import argparse
import csv
import itertools
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from PIL import Image, ImageEnhance, ImageOps

from tests.places import ROOT, SAMPLE_FOLDER

SUFFIXES = {".jpeg", ".jpg", ".png"}

Scores = dict[str, list[float]]  # film name -> probabilities, in the order of the findings
Films = dict[str, bytes]


def add_data_option(parser: argparse.ArgumentParser) -> None:
    """Where the readers' films come from."""
    parser.add_argument(
        "--data",
        type=Path,
        default=os.environ.get("CXR_DATA") or SAMPLE_FOLDER,
        help="folder of real films (default: CXR_DATA, else the samples)",
    )


def make_films(source: Path, folder: Path, readers: int, each: int) -> None:
    """Films of its own for each reader, as folder/reader-1/film-1.png.

    The names are the same for all readers, so that only the scores tell whose film it is. Where
    there are fewer real films than are needed they come again, mirrored, cut and brightened.
    """
    real = sorted(path for path in source.rglob("*") if path.suffix.lower() in SUFFIXES)
    wanted = itertools.product(range(1, readers + 1), range(1, each + 1))
    for number, (reader, film) in enumerate(wanted):
        path = folder / f"reader-{reader}" / f"film-{film}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        with Image.open(real[number % len(real)]) as image:
            _vary(image.convert("L"), number // len(real)).save(path, compress_level=1)


def _vary(film: Image.Image, kind: int) -> Image.Image:
    if kind % 2:
        film = ImageOps.mirror(film)
    margin = min(film.size) * (kind // 2 % 5) // 50
    film = ImageOps.crop(film, margin)
    return ImageEnhance.Brightness(film).enhance(1 - 0.04 * (kind // 10))


def read_films(folder: Path) -> Films:
    """The films of one reader by name."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def screen_by_command(folder: Path) -> dict[str, Scores]:
    """Reader -> scores of the reader's films, as `python -m cxrapp screen` writes them."""
    table = folder / "expected.csv"
    command = [sys.executable, "-m", "cxrapp", "screen", str(folder), "--csv", str(table)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    readers: dict[str, list[dict[str, str]]] = {}
    with table.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            reader, row["file"] = row["file"].split("/")
            readers.setdefault(reader, []).append(row)
    return {reader: scores_of(rows) for reader, rows in readers.items()}


def scores_of(rows: Iterable[dict[str, str]]) -> Scores:
    """The probabilities of a table, the command line's or an exported one.

    The reader's has none of findings that were not asked, the last of a film.
    """
    scores: Scores = {}
    for row in rows:
        film = scores.setdefault(row["file"], [])
        film += [float(row["probability"])] if row["probability"] else []
    return scores


def only_shown(expected: Scores, shown: Scores) -> Scores:
    """Of the command line's scores those that a reader is shown."""
    return {name: values[: len(shown.get(name, ()))] for name, values in expected.items()}


def largest_difference(one: Scores, other: Scores) -> float:
    """Between two tables of the same films; infinite where they are not of the same films."""
    if one.keys() != other.keys():
        return float("inf")
    return max(
        abs(mine - theirs)
        for name in one
        for mine, theirs in zip(one[name], other[name], strict=True)
    )
