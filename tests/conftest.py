import os
from pathlib import Path

import pytest

from cxrapp.bundle import WEIGHTS, Bundle, load_bundle
from cxrapp.radiograph import Radiograph, read_upload

ROOT = Path(__file__).parents[1]
SAMPLES = sorted((ROOT / "cxrapp/samples").glob("*.jpeg"))


@pytest.fixture(scope="session")
def bundle() -> Bundle:
    return load_bundle(WEIGHTS / "pneumonia.pt")


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
