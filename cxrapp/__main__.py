"""Screen films without a browser.

python -m cxrapp screen PATH... --csv out.csv [--heatmaps DIR] [--bundle FILE.pt]
                                [--threshold pneumonia=0.4]...
python -m cxrapp card FILE.pt
"""

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from tqdm import tqdm

from cxrapp.bundle import WEIGHTS, Bundle, find_bundles, load_bundle
from cxrapp.card import ModelCard, load_card
from cxrapp.decision import decide
from cxrapp.errors import CxrError
from cxrapp.explain import grad_cams
from cxrapp.figures import film_picture, overlay_picture
from cxrapp.limits import MAX_FILE_BYTES
from cxrapp.predict import Screened, screen
from cxrapp.radiograph import Radiograph, Rejection, read_upload
from cxrapp.report import film_rows, rejection_rows, table_writer


def main(arguments: list[str] | None = None) -> int:
    """Run one command: 0 if every path could be reported on, 2 for wrong usage."""
    options = _build_parser().parse_args(arguments)
    try:
        options.run_command(options)
    except (CxrError, OSError) as error:
        print(f"cxrapp: {error}", file=sys.stderr)
        return 2
    return 0


def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m cxrapp", description="Screen chest films.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser("screen", help="score films, folders and ZIP archives")
    command.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    command.add_argument("--csv", type=Path, required=True, help="table to write")
    command.add_argument("--heatmaps", type=Path, help="folder for heat maps as PNG")
    command.add_argument("--bundle", type=Path, help="model file (default: weights/pneumonia.pt)")
    command.add_argument(
        "--threshold",
        action="append",
        default=[],
        metavar="FINDING=VALUE",
        help="decide at another threshold than the card's",
    )
    command.set_defaults(run_command=_screen)

    command = commands.add_parser("card", help="print a bundle's model card")
    command.add_argument("bundle", type=Path)
    command.set_defaults(run_command=lambda o: print(load_card(o.bundle).to_json(), end=""))
    return parser


def _screen(options: argparse.Namespace) -> None:
    missing = [str(path) for path in options.paths if not path.exists()]
    if missing:
        raise CxrError(f"No such file or folder: {', '.join(missing)}.")
    bundle = load_bundle(options.bundle or _default_bundle())
    thresholds = bundle.card.default_thresholds() | _parse_thresholds(options, bundle.card)
    files = list(_find_files(options.paths))
    with options.csv.open("w", newline="", encoding="utf-8") as file:
        writer = table_writer(file)
        for result in screen(bundle, _read_files(files)):
            if isinstance(result, Rejection):
                writer.writerows(rejection_rows(bundle.card, result, thresholds))
                continue
            name = result.radiograph.name
            decisions = decide(bundle.card, result.prediction.probabilities, thresholds)
            writer.writerows(film_rows(name, decisions, result.verdict))
            if options.heatmaps:
                _save_heat_maps(options.heatmaps, bundle, result)


def _default_bundle() -> Path:
    bundles = find_bundles(WEIGHTS)
    if not bundles:
        raise CxrError(f"{WEIGHTS} holds no bundle; name one with --bundle.")
    return bundles[0]


def _parse_thresholds(options: argparse.Namespace, card: ModelCard) -> dict[str, float]:
    thresholds = {}
    for text in options.threshold:
        finding, _, value = text.partition("=")
        if finding not in [f.name for f in card.findings]:
            raise CxrError(f"--threshold {text}: the bundle has no finding {finding!r}.")
        try:
            thresholds[finding] = float(value)
        except ValueError:
            raise CxrError(f"--threshold {text}: {value!r} is not a number.") from None
        if not 0 <= thresholds[finding] <= 1:
            raise CxrError(f"--threshold {text}: a threshold is between 0 and 1.")
    return thresholds


def _find_files(paths: list[Path]) -> Iterator[tuple[str, Path]]:
    """(name as found under PATH, file); system clutter such as .DS_Store is passed over."""
    for path in paths:
        if not path.is_dir():
            yield str(path), path
            continue
        for file in sorted(path.rglob("*")):
            if file.is_file() and not file.name.startswith("."):
                yield file.relative_to(path).as_posix(), file


def _read_files(files: list[tuple[str, Path]]) -> Iterator[Radiograph | Rejection]:
    for name, path in tqdm(files, unit="file", disable=None):
        try:
            # A ZIP may be large; a film may not, and its size is checked before it is read.
            if path.suffix.lower() != ".zip" and path.stat().st_size > MAX_FILE_BYTES:
                yield Rejection(name, f"The file is larger than {MAX_FILE_BYTES // 2**20} MB.")
                continue
            data = path.read_bytes()
        except OSError as error:
            yield Rejection(name, f"The file cannot be opened ({error.strerror}).")
            continue
        yield from read_upload(name, data)


def _save_heat_maps(folder: Path, bundle: Bundle, result: Screened) -> None:
    """One PNG a finding, named after the film; one scale for all findings of the film."""
    folder.mkdir(parents=True, exist_ok=True)
    pixels = result.radiograph.pixels
    film = film_picture(pixels)
    cams = grad_cams(bundle, result.prediction.feature_map)
    stem = re.sub(r"[^\w.-]+", "_", result.radiograph.name).lstrip(".")
    for finding, cam in zip(bundle.card.findings, cams, strict=True):
        heat = bundle.card.preprocessing.to_image(cam, pixels.shape)
        picture = overlay_picture(film, heat, scale=float(cams.max()), opacity=0.5)
        picture.save(folder / f"{stem}.{finding.name}.png")


if __name__ == "__main__":
    sys.exit(main())
