import json
from pathlib import Path

import pytest

from tests.benchmarks.__main__ import BENCHMARKS, main
from tests.benchmarks.pairs import Comparison, time_in_turn


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
    assert main(["--quick", "--only", name, "--json", str(json_file)]) == 0
    (compared,) = json.loads(json_file.read_text())["comparisons"]
    assert all(ours > 0 and theirs > 0 for ours, theirs in compared["pairs"])
