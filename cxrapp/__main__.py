"""Screen films without a browser.

python -m cxrapp screen PATH... --csv out.csv [--heatmaps DIR] [--lungs DIR] [--bundle FILE.pt]
                                [--threshold pneumonia=0.4]... [--engine ray [--workers N]]
python -m cxrapp assess FOLDER [--labels TABLE.csv] --json out.json [--bundle FILE.pt]
python -m cxrapp card FILE.pt
python -m cxrapp audit FILE
python -m cxrapp watch [--pacs URL] [--since 24h] [--every 30] [--send sr,sc] [--bundle FILE.pt]
                       [--dry-run]
"""

import argparse
import os
import re
import sys
import warnings
from datetime import timedelta
from functools import partial
from pathlib import Path

from cxrapp.archive.client import Archive
from cxrapp.archive.reports import KINDS
from cxrapp.archive.settings import load_settings
from cxrapp.archive.watch import Watcher
from cxrapp.bulk.engines import run_here, run_on_ray
from cxrapp.bulk.files import find_files
from cxrapp.bulk.job import Job, identify, parts_folder
from cxrapp.bulk.labelled import measure_folder
from cxrapp.bulk.run import run
from cxrapp.errors import CxrError
from cxrapp.films.sandbox import start_decoders
from cxrapp.model.bundle import WEIGHTS, find_bundles, load_bundle
from cxrapp.model.card import ModelCard
from cxrapp.model.card_file import load_card
from cxrapp.model.decision import Setting, default_settings
from cxrapp.model.lung_finder import FILE, MISSING, load_lung_card
from cxrapp.model.lungs import LungCard
from cxrapp.runtime.audit import check
from cxrapp.runtime.files import say
from cxrapp.runtime.logs import start_log
from cxrapp.runtime.metrics import PORT, serve


def main(arguments: list[str] | None = None) -> int:
    """Run one command: 0 if every path could be reported on, 2 for wrong usage, 130 if stopped."""
    options = _build_parser().parse_args(arguments)
    try:
        options.run_command(options)
    except CxrError as error:
        print(f"cxrapp: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"cxrapp: {say(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(
            "cxrapp: stopped; a screening goes on when its command is given again.", file=sys.stderr
        )
        return 130  # as a shell says it
    return 0


def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m cxrapp", description="Screen chest films.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser(
        "screen",
        help="score films, folders and ZIP archives",
        description="Score films, folders and ZIP archives. A run that was stopped goes on where "
        "it was when the same command is given again.",
    )
    command.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    command.add_argument("--csv", type=Path, required=True, help="table to write")
    command.add_argument("--heatmaps", type=Path, help="folder for heat maps as PNG")
    command.add_argument("--lungs", type=Path, help="folder for the lungs' masks as PNG")
    command.add_argument("--bundle", type=Path, help="model file (default: weights/pneumonia.pt)")
    command.add_argument(
        "--threshold",
        action="append",
        default=[],
        metavar="FINDING=VALUE",
        help="decide at another threshold than the card's",
    )
    command.add_argument(
        "--engine",
        choices=["local", "ray"],
        default="local",
        help="who screens: this process, or, for very many films, a Ray cluster: the one that "
        "RAY_ADDRESS names, whose machines must share all the paths, or else this machine's cores",
    )
    command.add_argument(
        "--workers",
        type=_positive,
        metavar="N",
        help="Ray workers, each with its share of the cores and a model of its own in memory "
        "(default: one a core)",
    )
    command.set_defaults(run_command=_screen)

    command = commands.add_parser(
        "assess",
        help="measure the model on labelled films",
        description="Measure the model on a clinic's own labelled films, as the page does: the "
        "subfolders are the labels, or a table with a column `file` and one a finding.",
    )
    command.add_argument("folder", type=Path, metavar="FOLDER")
    command.add_argument("--labels", type=Path, metavar="TABLE", help="CSV; default: the folders")
    command.add_argument("--json", type=Path, required=True, help="file for all numbers")
    command.add_argument("--bundle", type=Path, help="model file (default: weights/pneumonia.pt)")
    command.set_defaults(run_command=_assess)

    command = commands.add_parser("card", help="print a bundle's model card")
    command.add_argument("bundle", type=Path)
    command.set_defaults(run_command=lambda o: print(load_card(o.bundle).to_json(), end=""))

    command = commands.add_parser("audit", help="follow the chain of an audit file")
    command.add_argument("file", type=Path)
    command.set_defaults(run_command=lambda o: print(f"{check(o.file)} lines, none changed"))

    command = commands.add_parser(
        "watch",
        help="screen what comes into the archive",
        description="Look for new chest films in the archive, screen them, send the results back "
        "into their studies, and go on. It may be stopped, killed or run twice at any moment.",
    )
    command.add_argument("--pacs", metavar="URL", help="DICOMweb service (default: CXR_PACS_URL)")
    command.add_argument(
        "--since",
        type=_parse_duration,
        default="24h",
        metavar="TIME",
        help="how far back, such as 90m, 24h or 7d, the day it falls on included (default: 24h)",
    )
    command.add_argument(
        "--every", type=_positive, default=30, metavar="SECONDS", help="between looks (default: 30)"
    )
    command.add_argument(
        "--send",
        type=_parse_kinds,
        default=KINDS,
        metavar="KINDS",
        help="sr for structured reports, sc for secondary captures (default: sr,sc)",
    )
    command.add_argument("--bundle", type=Path, help="model file (default: weights/pneumonia.pt)")
    command.add_argument(
        "--dry-run", action="store_true", help="look once and say what waits; send nothing"
    )
    command.set_defaults(run_command=_watch)
    return parser


def _watch(options: argparse.Namespace) -> None:
    settings = load_settings(options.pacs)
    if settings is None:
        raise CxrError("No archive is named: give --pacs URL, or set CXR_PACS_URL.")
    bundle = load_bundle((options.bundle or _default_bundle()).absolute())
    watcher = Watcher(lambda: Archive(settings), bundle, options.since, options.send)
    if options.dry_run:
        waiting = [one for study in watcher.look() for one in watcher.wait_list(study)]
        oldest = f", the oldest of {waiting[0].study.moment or 'no date'}" if waiting else ""
        print(f"{len(waiting)} films wait for a report{oldest}; nothing was fetched or sent.")
        return
    start_log()
    warnings.simplefilter("ignore")  # they quote tags, and no name may reach a log
    start_decoders()
    if port := os.environ.get(PORT):
        serve(int(port))
    watcher.run(options.every)


def _screen(options: argparse.Namespace) -> None:
    missing = [str(path) for path in options.paths if not path.exists()]
    if missing:
        raise CxrError(f"No such file or folder: {', '.join(missing)}.")
    if options.workers and options.engine != "ray":
        raise CxrError("--workers is for --engine ray; this process alone uses all its cores.")
    bundle = (options.bundle or _default_bundle()).absolute()
    card = load_card(bundle)
    settings = default_settings(card) | _parse_thresholds(options, card)
    lung_card = _lung_card(bundle, needed=options.lungs is not None)
    csv, heatmaps, lungs = _check_outputs(options)
    outputs = [path for path in (csv, parts_folder(csv), heatmaps, lungs) if path]
    files = list(find_files(options.paths, outputs))
    identity = identify(card, settings, heatmaps, files, lungs=lungs, lung_card=lung_card)
    job = Job(bundle, settings, csv, heatmaps, identity, lungs)
    engines = {"local": run_here, "ray": partial(run_on_ray, workers=options.workers)}
    run(job, files, engines[options.engine])


def _lung_card(bundle: Path, *, needed: bool) -> LungCard | None:
    """The card of the lungs.pt beside a bundle; without one it says so, or ends where `needed`."""
    path = bundle.with_name(FILE)
    if path.exists() or path.with_suffix(".json").exists():
        return load_lung_card(path)
    if needed:
        raise CxrError(MISSING)
    print(f"cxrapp: {MISSING}", file=sys.stderr)
    return None


def _assess(options: argparse.Namespace) -> None:
    for path in filter(None, (options.folder, options.labels)):
        if not path.exists():
            raise CxrError(f"No such file or folder: {path}.")
    _check_file("--json", options.json)
    bundle = (options.bundle or _default_bundle()).absolute()
    measure_folder(options.folder, options.labels, bundle, options.json.resolve())


def _check_file(option: str, path: Path) -> None:
    """That a file can be written there, which could else only fail after hours."""
    if path.exists() and not path.is_file():
        raise CxrError(f"{option} {path}: it is there already, and not a file.")
    if not path.resolve().parent.is_dir():
        raise CxrError(f"{option} {path}: there is no folder {path.resolve().parent}.")


def _check_outputs(options: argparse.Namespace) -> tuple[Path, Path | None, Path | None]:
    """What could only fail after hours is refused at once; the table and the pictures' folders."""
    _check_file("--csv", options.csv)
    csv = options.csv.resolve()
    films = [path.resolve() for path in options.paths]
    heatmaps = options.heatmaps and options.heatmaps.resolve()
    if heatmaps in films:
        raise CxrError(f"--heatmaps {options.heatmaps}: heat maps need a folder without films.")
    lungs = options.lungs and options.lungs.resolve()
    if lungs in films:
        raise CxrError(f"--lungs {options.lungs}: masks need a folder without films.")
    return csv, heatmaps, lungs


def _parse_duration(text: str) -> timedelta:
    units = {"m": "minutes", "h": "hours", "d": "days"}
    if not (match := re.fullmatch(r"(\d{1,5})([mhd])", text)):
        raise ValueError
    return timedelta(**{units[match[2]]: int(match[1])})


def _parse_kinds(text: str) -> tuple[str, ...]:
    kinds = text.split(",")
    if not set(kinds) <= set(KINDS):
        raise ValueError
    return tuple(kind for kind in KINDS if kind in kinds)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def _default_bundle() -> Path:
    bundles = find_bundles(WEIGHTS)
    if not bundles:
        raise CxrError(f"{WEIGHTS} holds no bundle; name one with --bundle.")
    return bundles[0]


def _parse_thresholds(options: argparse.Namespace, card: ModelCard) -> dict[str, Setting]:
    settings = {}
    for text in options.threshold:
        finding, _, value = text.partition("=")
        if finding not in [f.name for f in card.findings]:
            raise CxrError(f"--threshold {text}: the bundle has no finding {finding!r}.")
        try:
            threshold = float(value)
        except ValueError:
            raise CxrError(f"--threshold {text}: {value!r} is not a number.") from None
        if not 0 <= threshold <= 1:
            raise CxrError(f"--threshold {text}: a threshold is between 0 and 1.")
        settings[finding] = Setting(threshold)
    return settings


if __name__ == "__main__":
    sys.exit(main())
