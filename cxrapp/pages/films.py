"""The films of one session: uploads in, scored once, kept until they are taken away."""

from dataclasses import dataclass
from pathlib import Path

import streamlit as st
from PIL import Image
from streamlit.runtime.uploaded_file_manager import UploadedFile

from cxrapp.bundle import Bundle
from cxrapp.figures import film_picture
from cxrapp.gate import Verdict
from cxrapp.predict import Prediction, Screened, screen
from cxrapp.radiograph import Rejection, read_upload

SAMPLES = Path(__file__).parents[1] / "samples"
MAX_FILMS = 500  # about 1 MB each with picture and feature map
MAX_SIDE = 1024  # pixels of the long side on screen


@dataclass(frozen=True)
class Film:
    """One scored film as the page shows it: a picture instead of the full pixels."""

    key: str  # of the film and the bundle that judged it
    name: str
    picture: Image.Image
    prediction: Prediction
    verdict: Verdict

    @property
    def overruled(self) -> bool:
        """Whether the reader chose to see the result of this refused film."""
        return self.key in st.session_state.get("overruled", ())

    @property
    def withheld(self) -> bool:
        """Whether the result is not to be shown."""
        return self.verdict.outcome == "refuse" and not self.overruled

    def overrule(self) -> None:
        """Show the result of a refused film all the same, for this session."""
        st.session_state.setdefault("overruled", set()).add(self.key)


def collect_films(bundle: Bundle) -> tuple[list[Film], list[Rejection]]:
    """Draw the upload widget, score what is new in it, and return all this session holds.

    Results live in this session only and never touch the disk. They outlast the widget, which
    Streamlit empties whenever the reader looks at another page; a file that the reader takes out
    of the widget is forgotten.
    """
    uploads = st.file_uploader(
        "Chest films: DICOM, JPEG or PNG, one or many, or a ZIP of them",
        accept_multiple_files=True,
        key="uploads",
        on_change=_forget_removed,
    )
    held = st.session_state.setdefault("films", {})  # (upload, bundle) -> films and rejections
    st.session_state["listed"] = {upload.file_id for upload in uploads}
    new = {(u.file_id, bundle.card.sha256): u for u in uploads}
    new = {key: upload for key, upload in new.items() if key not in held}
    if new:
        bar = st.progress(0.0)
        for number, (key, upload) in enumerate(new.items()):
            bar.progress(number / len(new), f"Screening file {number + 1} of {len(new)}")
            held[key] = _score(bundle, upload, room=MAX_FILMS - _count(held))
        bar.empty()
    if {file_id for file_id, _ in held} - st.session_state["listed"]:
        st.button("Take all films away", on_click=held.clear)
    results = [r for (_, sha256), rs in held.items() if sha256 == bundle.card.sha256 for r in rs]
    films = [result for result in results if isinstance(result, Film)]
    return films, [result for result in results if isinstance(result, Rejection)]


def _forget_removed() -> None:
    """Forget the files just taken out of the widget; called on the reader's own changes only."""
    removed = st.session_state["listed"] - {u.file_id for u in st.session_state["uploads"]}
    held = st.session_state["films"]
    for key in [key for key in held if key[0] in removed]:
        del held[key]


def _score(bundle: Bundle, upload: UploadedFile, room: int) -> list[Film | Rejection]:
    """Screen one upload; an archive with more films than there is room for is cut and says so."""
    results: list[Film | Rejection] = []
    for result in screen(bundle, read_upload(upload.name, upload.getvalue())):
        if room == 0:
            reason = f"One session shows {MAX_FILMS} films; the command line has no limit."
            return [*results, Rejection(upload.name, reason)]
        key = f"{upload.file_id} {len(results)} {bundle.card.sha256}"
        results.append(_to_film(key, result) if isinstance(result, Screened) else result)
        room -= isinstance(result, Screened)
    return results


def _count(held: dict[tuple[str, str], list[Film | Rejection]]) -> int:
    return sum(isinstance(result, Film) for results in held.values() for result in results)


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
            st.session_state[key] = [
                _to_film(f"{result.radiograph.name} {bundle.card.sha256}", result)
                for result in screen(bundle, items)
            ]
    return st.session_state[key]


def _to_film(key: str, result: Screened) -> Film:
    picture = film_picture(result.radiograph.pixels)
    picture.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS)
    return Film(key, result.radiograph.name, picture, result.prediction, result.verdict)
