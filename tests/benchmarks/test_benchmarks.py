import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks.__main__ import BENCHMARKS
from tests.benchmarks.pairs import Comparison, time_in_turn
from tests.places import ROOT


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


@pytest.mark.parametrize("name", BENCHMARKS)
def test_every_benchmark_runs(name: str, tmp_path: Path) -> None:
    json_file = tmp_path / "out.json"
    # A process of its own: two of Playwright do not go together in one.
    command = [sys.executable, "-m", "tests.benchmarks", "--quick", "--only", name]
    subprocess.run([*command, "--json", str(json_file)], cwd=ROOT, check=True)
    (compared,) = json.loads(json_file.read_text())["comparisons"]
    assert all(ours > 0 and theirs > 0 for ours, theirs in compared["pairs"])
