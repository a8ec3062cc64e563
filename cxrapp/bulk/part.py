"""One part of a job: films -> rows, written whole or not at all."""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from cxrapp.bulk.files import read_file
from cxrapp.bulk.job import Job, Part
from cxrapp.errors import CxrError
from cxrapp.explain import grad_cams
from cxrapp.figures.pictures import film_picture, overlay_picture
from cxrapp.films.radiograph import Rejection
from cxrapp.films.sandbox import start_decoders
from cxrapp.model.bundle import Bundle, load_bundle
from cxrapp.model.decision import decide
from cxrapp.model.lung_finder import MISSING
from cxrapp.model.predict import Screened, screen
from cxrapp.report.table import film_rows, rejection_rows, table_writer
from cxrapp.runtime.files import open_whole
from cxrapp.runtime.network_queue import NetworkQueue

AT_ONCE = 2  # parts in one process, which divide its cores between them
MAX_STEM_BYTES = 200  # a file's name has at most 255, of which finding and suffix need some


class Screener:
    """A worker: loads the bundle once, then screens part after part.

    Raises:
        InvalidBundle: The bundle is missing, damaged or altered.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        start_decoders()  # while the bundle is loaded
        self._bundle = load_bundle(job.bundle)
        self._queue = NetworkQueue(AT_ONCE)

    def write(self, part: Part) -> None:
        """Screen the files of a part and write its table.

        Raises:
            CxrError: The table or a picture cannot be written.
        """
        with open_whole(self.job.path_of(part)) as file:
            writer = table_writer(file)
            for rows in self._screen(part):
                writer.writerows(rows)

    def _screen(self, part: Part) -> Iterator[list[dict[str, str]]]:
        card, settings = self._bundle.card, self.job.settings
        # Whole films pass between processes only where heat maps are laid over them.
        side = 0 if self.job.heatmaps else card.preprocessing.size
        films = (film for file in part.files for film in read_file(file, side))
        for result in screen(self._bundle, films, self._queue):
            if isinstance(result, Rejection):
                yield rejection_rows(card, result, settings)
                continue
            if self.job.heatmaps:
                save_heat_maps(self.job.heatmaps, self._bundle, result)
            if self.job.lungs:
                save_lungs(self.job.lungs, result)
            decisions = decide(card, result.prediction.probabilities, settings)
            yield film_rows(result.radiograph.name, decisions, result.verdict)


def save_heat_maps(folder: Path, bundle: Bundle, result: Screened) -> None:
    """One PNG a finding, named after the film; one scale for all findings of the film.

    Raises:
        CxrError: They cannot be written.
    """
    pixels = result.radiograph.pixels
    film = film_picture(pixels)
    cams = grad_cams(bundle, result.prediction.feature_map)
    stem = _stem(result.radiograph.name)
    for finding, cam in zip(bundle.card.findings, cams, strict=True):
        heat = bundle.card.preprocessing.to_image(cam, pixels.shape)
        picture = overlay_picture(film, heat, scale=float(cams.max()), opacity=0.5)
        _save(picture, folder / f"{stem}.{finding.name}.png")


def save_lungs(folder: Path, result: Screened) -> None:
    """The lungs as a PNG named after the film, of its own size: 255 inside either lung, 0 outside.

    Raises:
        CxrError: It cannot be written, or nobody looked for the lungs.
    """
    if result.lungs is None:
        raise CxrError(MISSING)
    film = result.radiograph
    inside = result.lungs.union(film.full_shape or film.pixels.shape)
    picture = Image.fromarray(inside.astype(np.uint8) * 255)
    _save(picture, folder / f"{_stem(film.name)}.lungs.png")


def _save(picture: Image.Image, path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.save(path)
    except OSError as error:
        raise CxrError(f"{path}: cannot be written ({error.strerror}).") from error


def _stem(name: str) -> str:
    """A film's name as part of a file's name: no folders in it, and not too long.

    A name that had to change gets a digest of what it was, so that no two films share one.
    """
    stem = re.sub(r"[^\w.-]+", "_", name).lstrip(".")
    if stem == name and len(stem.encode()) <= MAX_STEM_BYTES:
        return stem
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{digest}_{stem.encode()[9 - MAX_STEM_BYTES :].decode(errors='ignore')}"
