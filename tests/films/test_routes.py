"""One film by every way in: the same pixels and, within 0.01, the same score."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.uid import (
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from cxrapp.model.bundle import Bundle
from cxrapp.model.predict import predict
from tests.films.dicom_maker import compress, compress_j2k, make, png, read

FILMS = 6  # of each class
LOSSY = ("JPEG", "DICOM, JPEG")


def jpeg_in_dicom(grey: np.ndarray) -> bytes:
    frame = png(grey, "JPEG", quality=100)
    return make(grey, syntax=JPEGBaseline8Bit, PixelData=encapsulate([frame]))


def routes(grey: np.ndarray, depth: int, *, negative: bool) -> dict[str, bytes]:
    """The film in every coding, deeper ones with its 8 bits at the top of `depth`."""
    top = 2**depth - 1
    deep = np.rint(grey.astype(np.float64) / 255 * top).astype(np.uint16)
    bits = {"BitsStored": depth, "HighBit": depth - 1}
    window = {**bits, "WindowCenter": (top + 1) / 2, "WindowWidth": top + 1}
    if negative:
        bits["PhotometricInterpretation"] = window["PhotometricInterpretation"] = "MONOCHROME1"
        deep = top - deep
    return {
        "PNG, 8 bits": png(grey),
        "PNG, 16 bits": png(grey.astype(np.uint16) * 257),
        "JPEG": png(grey, "JPEG", quality=100),
        "DICOM, 8 bits": make(grey),
        "DICOM, JPEG": jpeg_in_dicom(grey),
        **{
            f"DICOM, {coding}, {name}": write(deep, tags)
            for name, tags in (("window", window), ("no window", bits))
            for coding, write in {
                "native": lambda stored, tags: make(stored, **tags),
                "RLE": lambda stored, tags: compress(stored, RLELossless, **tags),
                "JPEG 2000": lambda stored, tags: compress_j2k(stored, **tags),
                "JPEG 2000 by its depth": lambda stored, tags: compress(
                    stored, JPEG2000Lossless, **tags
                ),
                "JPEG, lossless": lambda stored, tags: compress(stored, JPEGLosslessSV1, **tags),
                "JPEG-LS": lambda stored, tags: compress(stored, JPEGLSLossless, **tags),
            }.items()
        },
    }


@pytest.fixture(scope="module")
def greys(shared_data: Path) -> list[np.ndarray]:
    """Real films of both classes, small copies and originals."""
    folders = [shared_data / kind for kind in ("kermany/test", "originals/test")]
    paths = [
        path
        for folder in folders
        for label in ("NORMAL", "PNEUMONIA")
        for path in sorted((folder / label).iterdir())[: FILMS // 2]
    ]
    return [
        np.asarray(Image.open(path).convert("L").resize((384, 320), Image.Resampling.BOX))
        for path in paths
    ]


@pytest.mark.slow
@settings(max_examples=12, deadline=None, derandomize=True)
@given(data=st.data())
def test_a_film_is_the_same_by_every_way_in(
    greys: list[np.ndarray], bundle: Bundle, data: st.DataObject
) -> None:
    grey = data.draw(st.sampled_from(greys))
    depth, negative = data.draw(st.integers(10, 16)), data.draw(st.booleans())
    films = {name: read(raw) for name, raw in routes(grey, depth, negative=negative).items()}
    for name, film in films.items():
        assert np.abs(film.pixels - grey / 255).max() < (0.005 if name in LOSSY else 1e-3), name
    unlike = {film.pixels.tobytes(): film for film in films.values()}  # the same score the same
    scores = dict(zip(unlike, predict(bundle, list(unlike.values())), strict=True))
    base = scores[films["PNG, 8 bits"].pixels.tobytes()].probabilities
    for name, film in films.items():
        found = scores[film.pixels.tobytes()].probabilities
        np.testing.assert_allclose(found, base, atol=0.01, err_msg=name)
