import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright
from streamlit.testing.v1 import AppTest

from cxrapp.films.decode import read_upload
from cxrapp.films.radiograph import Radiograph
from cxrapp.model.bundle import WEIGHTS, Bundle, load_bundle
from tests.model.small_bundle import script, stored
from tests.places import ROOT, SAMPLES
from tests.train.small import CYCLE


@pytest.fixture(scope="session")
def bundle() -> Bundle:
    return load_bundle(WEIGHTS / "pneumonia.pt")


@pytest.fixture(scope="session")
def model() -> bytes:
    """A model file that loads in a moment."""
    return stored(script())


@pytest.fixture(scope="session")
def films() -> list[Radiograph]:
    return [film for path in SAMPLES for film in read_upload(path.name, path.read_bytes())]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    folder = Path(os.environ.get("CXR_DATA") or ROOT.parent / "shared/data")
    if not (folder / "kermany/train/NORMAL").is_dir():
        pytest.skip(f"the real films are not at {folder} (CXR_DATA names another folder)")
    return folder


@pytest.fixture(scope="session")
def kermany(shared_data: Path) -> Path:
    return shared_data / "kermany"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def tiny(kermany: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few dozen real films in the published layout."""
    root = tmp_path_factory.mktemp("films")
    for split in ("train", "test"):
        for folder, patterns in {"NORMAL": ["*"], "PNEUMONIA": ["*bact*", "*virus*"]}.items():
            (root / split / folder).mkdir(parents=True)
            for pattern in patterns:
                for path in sorted((kermany / split / folder).glob(pattern))[:80:10]:
                    shutil.copy(path, root / split / folder / path.name)
    return root


@pytest.fixture(scope="session")
def run(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of `CYCLE`; copy it before changing anything in it."""
    from train.fit import fit

    run = tmp_path_factory.mktemp("runs") / "whole"
    fit(CYCLE, tiny, run)
    return run


@pytest.fixture
def app() -> AppTest:
    return AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=120).run()
