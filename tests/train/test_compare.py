import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from cxrapp.model.scores import Scores
from cxrapp.statistics.curves import auroc_difference
from train.__main__ import main
from train.compare import Sitting, _compare_finding, delong

GENERATOR = np.random.default_rng(3)
LABELS = GENERATOR.random(500) < 0.4
BETTER = LABELS + GENERATOR.standard_normal(500)
WORSE = 0.5 * LABELS + GENERATOR.standard_normal(500)
SCORES = Scores(LABELS, BETTER, np.arange(500))


def test_delong_agrees_with_the_bootstrap() -> None:
    rate = auroc_difference(SCORES, SCORES.by(WORSE))
    p = delong(SCORES, SCORES.by(WORSE))
    # A normal interval of the bootstrap's width gives the same p-value, about.
    error = (rate.high - rate.low) / (2 * 1.96)
    assert np.log10(p) == pytest.approx(np.log10(2 * norm.sf(abs(rate.value / error))), rel=0.25)
    assert delong(SCORES, SCORES) == 1.0
    known = SCORES.by(LABELS.astype(float))
    assert delong(known, known.by(-known.probabilities)) == 0.0


def test_delong_is_even_where_nothing_differs() -> None:
    values = []
    for _ in range(300):
        one = Scores(GENERATOR.random(80) < 0.5, GENERATOR.random(80), np.arange(80))
        values.append(delong(one, one.by(GENERATOR.random(80))))
    assert np.mean(np.array(values) < 0.1) == pytest.approx(0.1, abs=0.05)


def test_of_a_single_film_of_a_kind_delong_tells_nothing() -> None:
    labels = np.arange(6) == 5
    one = Scores(labels, np.linspace(0, 1, 6), np.arange(6))
    other = one.by(np.linspace(1, 0, 6))
    assert delong(one, other) is None
    assert delong(replace(one, labels=~labels), other) is None
    rows = _compare_finding("viral", [Sitting("a", one, 0.5), Sitting("b", other, 0.5)])
    assert rows[1]["DeLong p"] == "cannot be told"
    assert rows[1]["AUROC difference"].startswith("-1.000")


def test_runs_are_held_against_the_first(run: Path, tiny: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        shutil.copytree(run, tmp_path / name)
    folders = [str(tmp_path / name) for name in ("one", "two")]
    out = tmp_path / "compared"
    assert main(["compare", *folders, "--out", str(out), "--data", str(tiny), "--test"]) == 0
    table = pd.read_csv(out / "compare.csv")
    assert list(table["run"]) == folders * 2
    assert list(table["films"]) == [24, 24, 16, 16]
    assert set(table["AUROC difference"].dropna()) == {"0.000 (0.000 to 0.000)"}
    assert (table["DeLong p"].dropna() == 1).all()
    assert "plotly" in (out / "compare.html").read_text()
