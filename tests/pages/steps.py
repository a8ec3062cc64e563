"""What a reader does in the app, for AppTest."""

import html
import re
from pathlib import Path

from sklearn.datasets import load_sample_images
from streamlit.testing.v1 import AppTest

from cxrapp.session.session import Session
from tests.films.dicom_maker import png
from tests.places import ROOT, SAMPLES

NORMAL = next(path for path in SAMPLES if path.name.startswith("NORMAL2-IM-0092"))
OPENED = "of 1,000"  # the outcomes are on the page as soon as a film is


def photograph() -> tuple[str, bytes]:
    """A picture that is no film, to be uploaded."""
    return "china.png", png(load_sample_images().images[0])


def new_app() -> AppTest:
    """The whole app, to be run."""
    return AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=120)


def open_page(name: str) -> AppTest:
    """One of `cxrapp.pages` by itself."""
    script = f"from cxrapp.pages import {name}\n{name}.show()"
    app = AppTest.from_string(script, default_timeout=120).run()
    assert not app.exception
    return app


def texts(app: AppTest) -> str:
    elements = [*app.markdown, *app.caption, *app.warning, *app.error, *app.info, *app.title]
    written = [element.value for element in elements] + [one.proto.body for one in app.get("html")]
    return html.unescape(re.sub(r"\\|<[^>]*>", "", "\n".join(written)))


def counts(app: AppTest) -> list[str]:
    """What the list can show, each with its count."""
    return list(app.pills(key="show").options)


def verdict(app: AppTest, finding: str) -> str:
    """The line of a finding, in words: its decision and, where there is one, its probability."""
    lines = [one.proto.body for one in app.get("html") if f"<b>{finding}</b>" in one.proto.body]
    return re.sub("<[^>]*>", " ", lines[0]) if lines else ""


def session(app: AppTest) -> Session:
    return app.session_state["session"]


def settle(app: AppTest) -> AppTest:
    """Wait for the work in the background, and draw the page with its results."""
    session(app).worklist.wait()
    app.run()
    assert not app.exception
    return app


def upload(app: AppTest, *files: Path | tuple[str, bytes]) -> AppTest:
    named = [one if isinstance(one, tuple) else (one.name, one.read_bytes()) for one in files]
    widget = next(one for one in app.file_uploader if one.key.startswith("uploads"))
    widget.set_value([(*one, "application/octet-stream") for one in named]).run()
    return settle(app)


def threshold(app: AppTest, finding: str) -> object:
    return next(s for s in app.slider if s.label == f"{finding} threshold")


def press(app: AppTest, key: str) -> AppTest:
    app.button(key=key).click().run()
    assert not app.exception
    return app


def curves_shown(app: AppTest) -> list[str]:
    """The setting as it is drawn over each figure."""
    return [one.proto.body for one in app.get("html") if 'class="setting"' in one.proto.body]


def outcomes_shown(app: AppTest) -> str:
    return next(one.value for one in app.markdown if OPENED in one.value)
