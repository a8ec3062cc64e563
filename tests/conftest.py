import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright
from streamlit.testing.v1 import AppTest

from cxrapp.films.decode import read_upload
from cxrapp.films.radiograph import Radiograph
from cxrapp.model.bundle import WEIGHTS, Bundle, load_bundle
from cxrapp.panels import uploads
from tests.archive.orthanc import Orthanc, running
from tests.load.server import Server, free_port, serve
from tests.model.small_bundle import put, script, stored
from tests.pages.steps import new_app
from tests.places import ROOT, SAMPLES
from tests.train.small import CYCLE
from tests.workers import FileByFile, make_once

# Rooms where a test takes many seconds, as it drives a page, a server, a browser, a cluster or a
# thousand bad files, and so does every test that trains or asks for many films, by the fixtures it
# names.
SLOW_ROOMS = {"benchmarks", "browser", "bulk", "hostile", "load", "pages", "privacy"}
SLOW_FIXTURES = {"app", "browser", "everything", "live_server", "orthanc", "tiny"}


MAIN = sys.modules["__main__"]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Streamlit leaves its app as the main program: a later test's processes would run it again."""
    sys.modules["__main__"] = MAIN


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is slow, and begin with the files that hold it.

    Where workers share the tests, short files in the end leave none waiting long.
    """
    slow = set()
    for item in items:
        file = item.path.relative_to(ROOT / "tests")
        if file.parts[0] in SLOW_ROOMS or SLOW_FIXTURES & set(item.fixturenames):
            item.add_marker(pytest.mark.slow)
        if item.get_closest_marker("slow"):
            slow.add(file)
    items.sort(key=lambda item: item.path.relative_to(ROOT / "tests") not in slow)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> FileByFile:
    return FileByFile(config, log)


@pytest.fixture(scope="session")
def bundle() -> Bundle:
    return load_bundle(WEIGHTS / "pneumonia.pt")


@pytest.fixture(scope="session")
def model() -> bytes:
    """A model file that loads in a moment."""
    return stored(script())


@pytest.fixture(scope="session")
def light_path(model: bytes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle with a network that answers in a moment, where it does not matter what."""
    return put(tmp_path_factory.mktemp("light"), model)


@pytest.fixture(scope="session")
def light(light_path: Path) -> Bundle:
    return load_bundle(light_path)


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
def live_server() -> Iterator[Server]:
    """The app as `make app` starts it, with metrics; for tests that leave it as it was."""
    with serve(environment={"CXR_METRICS_PORT": str(free_port())}) as server:
        yield server


@pytest.fixture(scope="session")
def one_orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    with running(tmp_path_factory.mktemp("orthanc")) as orthanc:
        yield orthanc


@pytest.fixture
def orthanc(one_orthanc: Orthanc) -> Orthanc:
    """A real archive, empty."""
    one_orthanc.empty()
    return one_orthanc


@pytest.fixture(scope="session")
def tiny(kermany: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few dozen real films in the published layout."""

    def copy(root: Path) -> None:
        for split in ("train", "test"):
            for folder, patterns in {"NORMAL": ["*"], "PNEUMONIA": ["*bact*", "*virus*"]}.items():
                (root / split / folder).mkdir(parents=True)
                for pattern in patterns:
                    for path in sorted((kermany / split / folder).glob(pattern))[:80:10]:
                        shutil.copy(path, root / split / folder / path.name)

    return make_once(tmp_path_factory, "films", copy)


@pytest.fixture(scope="session")
def run(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of `CYCLE`; copy it before changing anything in it."""
    from train.fit import fit

    whole = make_once(tmp_path_factory, "run", lambda run: fit(CYCLE, tiny, run))
    # What is measured of it is kept beside it: a worker's own, as another may be copying it.
    return shutil.copytree(whole, tmp_path_factory.mktemp("runs") / "whole")


@pytest.fixture(autouse=True)
def files_dropped_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """AppTest drops a widget's files anew at every run, as long as the widget is there."""
    monkeypatch.setattr(uploads, "STAYS", 0)


@pytest.fixture
def app(files_dropped_once: None) -> AppTest:
    return new_app().run()
