import json
import shutil
import subprocess
import sys

import pytest

from tests.benchmarks.__main__ import BENCHMARKS
from tests.benchmarks.pairs import Comparison, time_in_turn
from tests.places import ROOT

IN_BROWSER = ("slider", "slider of many", "opening of many")


def test_a_ratio_is_the_median_of_rounds() -> None:
    pairs = ((1.0, 2.0), (3.0, 2.0), (1.0, 1.0))
    compared = Comparison("a", "b", pairs, target=0.9)
    assert compared.ratio == 1.0
    assert compared.spread == (0.5, 1.5)
    assert not compared.is_met


def test_work_is_done_in_turn_and_neither_is_always_first() -> None:
    done = []
    pairs = time_in_turn(lambda: done.append("a"), lambda: done.append("b"), 2, warm_up=1)
    assert "".join(done) == "ab" + "ab" + "ba"
    assert len(pairs) == 2


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict]:
    """Every benchmark by its name, a round each; without a browser, those that need none."""
    names = [name for name in BENCHMARKS if shutil.which("chromium") or name not in IN_BROWSER]
    out = tmp_path_factory.mktemp("benchmarks") / "out.json"
    # A process of its own: two of Playwright do not go together in one.
    command = [sys.executable, "-m", "tests.benchmarks", "--quick", "--only", *names]
    subprocess.run([*command, "--json", str(out)], cwd=ROOT, check=True)
    return dict(zip(names, json.loads(out.read_text())["comparisons"], strict=True))


@pytest.mark.parametrize("name", BENCHMARKS)
def test_every_benchmark_runs(name: str, compared: dict[str, dict]) -> None:
    if name not in compared:
        pytest.skip("chromium is not installed")
    assert all(ours > 0 and theirs > 0 for ours, theirs in compared[name]["pairs"])
