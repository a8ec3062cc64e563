import shutil
from pathlib import Path

import pandas as pd
import pytest

from train import data


@pytest.fixture(scope="session")
def table(kermany: Path) -> pd.DataFrame:
    return data.read_table(kermany, ("kermany",))


@pytest.fixture
def fresh(run: Path, tmp_path: Path) -> Path:
    """A copy of the finished run, as if nobody had measured it."""
    copy = Path(shutil.copytree(run, tmp_path / "run"))
    for kept in ("openings.csv", "evaluation.json", "scores.csv"):
        (copy / kept).unlink(missing_ok=True)
    return copy
