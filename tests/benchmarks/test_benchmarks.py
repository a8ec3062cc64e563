import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.benchmarks.__main__ import BENCHMARKS
from tests.benchmarks.many import Look, find_fault, pace
from tests.benchmarks.pairs import Comparison, time_in_turn
from tests.places import ROOT

IN_BROWSER = "moves"
# One of each: with another bundle, or more films, it is the same code that runs, and "sample" opens
# the page as "page" does.
ONE_OF_EACH = {quick.func: name for name, (_, quick) in reversed(BENCHMARKS.items())}
NAMES = [name for name in ONE_OF_EACH.values() if name != "page"]


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


def test_an_even_pace_is_even_and_a_run_that_slows_down_shows() -> None:
    looks = [Look(second, 10 * second, 100.0) for second in range(101)]
    assert pace(looks, 1000) == [10.0] * 10
    late = [*looks[:51], *(Look(50 + 2 * s, 500 + 10 * s, 100.0) for s in range(1, 51))]
    assert pace(late, 1000) == [10.0] * 5 + [5.0] * 5


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        (lambda rows: rows, ""),
        (lambda rows: rows[:-1], "it ends before film 2"),
        (lambda rows: rows + rows[-1:], "it has rows too many"),
        (lambda rows: rows[2:4] + rows[:2] + rows[4:], "('000001', 'pneumonia') where film 0"),
    ],
)
def test_a_table_with_a_fault_is_found_out(
    changed: Callable[[list[str]], list[str]], fault: str, tmp_path: Path
) -> None:
    rows = [f"f/{n:06}.jpeg,{name},ok,\n" for n in range(3) for name in ("pneumonia", "viral")]
    table = tmp_path / "table.csv"
    table.write_text("file,finding,status,message\n" + "".join(changed(rows)))
    found = find_fault(table, 3)
    assert found.startswith(fault) and bool(found) == bool(fault)


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict]]:
    """The benchmarks by their names, a round each; without a browser, those that need none."""
    names = [name for name in NAMES if shutil.which("chromium") or name != IN_BROWSER]
    out = tmp_path_factory.mktemp("benchmarks") / "out.json"
    # A process of its own: two of Playwright do not go together in one.
    command = [sys.executable, "-m", "tests.benchmarks", "--quick", "--only", *names]
    subprocess.run([*command, "--json", str(out)], cwd=ROOT, check=True)
    return json.loads(out.read_text())["comparisons"]


@pytest.mark.parametrize("name", NAMES)
def test_every_benchmark_runs(name: str, compared: dict[str, list[dict]]) -> None:
    if name not in compared:
        pytest.skip("chromium is not installed")
    assert compared[name]
    for one in compared[name]:
        assert all(ours > 0 and theirs > 0 for ours, theirs in one["pairs"])
