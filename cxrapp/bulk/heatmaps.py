"""Heat maps of a screened film as PNG files."""

import hashlib
import re
from pathlib import Path

from cxrapp.errors import CxrError
from cxrapp.explain import grad_cams
from cxrapp.figures.pictures import film_picture, overlay_picture
from cxrapp.model.bundle import Bundle
from cxrapp.model.predict import Screened

MAX_STEM_BYTES = 200  # a file's name has at most 255, of which finding and suffix need some


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
        path = folder / f"{stem}.{finding.name}.png"
        try:
            folder.mkdir(parents=True, exist_ok=True)
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
