"""A folder of labelled films -> how the bundle does there, as the page "Your own films" says it."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
from tqdm import tqdm

from cxrapp.bulk.files import File, find_files, read_file
from cxrapp.errors import CxrError
from cxrapp.films.radiograph import Radiograph, Rejection
from cxrapp.films.sandbox import start_decoders
from cxrapp.model.bundle import Bundle, load_bundle
from cxrapp.model.card_file import load_card
from cxrapp.model.predict import screen
from cxrapp.runtime.files import write_whole
from cxrapp.runtime.network_queue import NetworkQueue
from cxrapp.site.assess import CAVEATS, SiteReport, assess
from cxrapp.site.labels import read_labels
from cxrapp.site.report import describe, summarise
from cxrapp.site.sheet import check_sheet, decode_sheet


@dataclass(frozen=True)
class LabelledFilms:
    """What is kept of N films that were not refused.

    Args:
        names: N names.
        logits: (N, K) float32, uncalibrated.
        ids: Name of a film -> patient ID in its DICOM file.
        left_out: One sentence a file that is no film or was refused.
    """

    names: tuple[str, ...]
    logits: np.ndarray
    ids: dict[str, str | None]
    left_out: tuple[str, ...]


def measure_folder(folder: Path, sheet: Path | None, bundle: Path, out: Path) -> None:
    """Screen the films, read their labels, print what was found and write it as JSON.

    Args:
        folder: Of films; without a sheet its subfolders are the labels.
        sheet: A table of labels, see `site.sheet`.
        bundle: The bundle's .pt.
        out: The JSON to write, the same as the page's.

    Raises:
        CxrError: The bundle or the table cannot be used, or no film has a label.
    """
    card, text = load_card(bundle), None
    if sheet:  # before hours are spent on films
        text = decode_sheet(sheet.read_bytes())
        check_sheet(card.findings, text)
    passed_over = [path.resolve() for path in (sheet, out) if path]
    files = list(find_files([folder], passed_over))
    start_decoders()  # while the bundle is loaded
    films = _screen(load_bundle(bundle), files)
    labels = read_labels(card, films.names, text, dicom_patients=films.ids)
    for sentence in (*films.left_out, *labels.problems):
        print(f"cxrapp: not used: {sentence}", file=sys.stderr)
    if not np.isfinite(labels.labels).any():
        names = ", ".join(finding.positive for finding in card.findings)
        raise CxrError(
            f"{folder}: no film has a label. Put films into folders named for the findings "
            f"({names}, NORMAL), or name a table with --labels."
        )
    reports = [
        assess(card, finding.name, labels.labels[:, k], films.logits[:, k], labels.patients)
        for k, finding in enumerate(card.findings)
    ]
    _print(reports, labels.grouping)
    write_whole(out, summarise(card, reports, date.today(), labels.grouping).encode())


def _screen(bundle: Bundle, files: Sequence[File]) -> LabelledFilms:
    names: list[str] = []
    logits: list[np.ndarray] = []
    left_out: list[str] = []
    ids: dict[str, str | None] = {}
    side = bundle.card.preprocessing.size
    with tqdm(total=len(files), unit="file", disable=None) as bar:

        def read() -> Iterator[Radiograph | Rejection]:
            for file in files:
                yield from read_file(file, side)
                bar.update()

        for result in screen(bundle, read(), NetworkQueue()):
            if isinstance(result, Rejection):
                left_out.append(f"{result.name}: {result.reason}")
            elif result.verdict.refused:
                left_out.append(f"{result.radiograph.name}: {' '.join(result.verdict.reasons)}")
            else:
                film = result.radiograph
                names.append(film.name)
                ids[film.name] = film.tags.patient.patient_id
                logits.append(result.prediction.logits)
    shape = (len(names), len(bundle.card.findings))
    return LabelledFilms(
        tuple(names), np.array(logits, np.float32).reshape(shape), ids, tuple(left_out)
    )


def _print(reports: Sequence[SiteReport], grouping: str) -> None:
    print(grouping)
    for report in reports:
        print(f"\n{report.finding}")
        for sentence in (*report.warnings, *describe(report)):
            print(f"  {sentence}")
    print()
    for caveat in CAVEATS:
        print(caveat)
