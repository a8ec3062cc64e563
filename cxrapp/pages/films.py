"""The films of one session: uploads in, scored once, kept until they are taken away."""

from dataclasses import dataclass
from pathlib import Path

import streamlit as st
from PIL import Image
from streamlit.runtime.uploaded_file_manager import UploadedFile

from cxrapp.bundle import Bundle
from cxrapp.figures import film_picture
from cxrapp.predict import Prediction, Screened, screen
from cxrapp.radiograph import Rejection, read_upload

SAMPLES = Path(__file__).parents[1] / "samples"
MAX_FILMS = 500  # about 1 MB each with picture and feature map
MAX_SIDE = 1024  # pixels of the long side on screen


@dataclass(frozen=True)
class Film:
    """One scored film as the page shows it: a picture instead of the full pixels."""

    name: str
    picture: Image.Image
    prediction: Prediction


def collect_films(
    bundle: Bundle, uploads: list[UploadedFile]
) -> tuple[list[Film], list[Rejection]]:
    """Score what is new among the uploads, forget what was taken away, and return the rest.

    Results live in this session only and never touch the disk.
    """
    store = st.session_state.setdefault("films", {})  # (bundle, upload) -> films and rejections
    wanted = {(bundle.card.sha256, upload.file_id): upload for upload in uploads}
    for key in store.keys() - wanted.keys():
        del store[key]
    new = {key: upload for key, upload in wanted.items() if key not in store}
    bar = st.progress(0.0) if new else None
    for number, (key, upload) in enumerate(new.items()):
        # Kept upload by upload, so that a page left half way goes on where it was.
        store[key] = []
        count = sum(isinstance(result, Film) for results in store.values() for result in results)
        for result in screen(bundle, read_upload(upload.name, upload.getvalue())):
            if count == MAX_FILMS:
                reason = f"One session shows {MAX_FILMS} films; the command line has no limit."
                store[key].append(Rejection(upload.name, reason))
                break
            words = f"Screening file {number + 1} of {len(new)}"
            bar.progress(number / len(new), words)
            store[key].append(_to_film(result) if isinstance(result, Screened) else result)
            count += isinstance(result, Screened)
    if bar:
        bar.empty()
    results = [result for key in wanted for result in store[key]]
    films = [result for result in results if isinstance(result, Film)]
    return films, [result for result in results if isinstance(result, Rejection)]


def sample_films(bundle: Bundle) -> list[Film]:
    """The real films that ship with the app, scored."""
    key = f"samples {bundle.card.sha256}"
    if key not in st.session_state:
        items = (
            item
            for path in sorted(SAMPLES.glob("*.jpeg"))
            for item in read_upload(path.name, path.read_bytes())
        )
        with st.spinner("Scoring the sample films"):
            st.session_state[key] = [_to_film(result) for result in screen(bundle, items)]
    return st.session_state[key]


def _to_film(result: Screened) -> Film:
    picture = film_picture(result.radiograph.pixels)
    picture.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS)
    return Film(result.radiograph.name, picture, result.prediction)
