from pathlib import Path

import numpy as np
import pytest

from cxrapp.model.card import Gate
from train.__main__ import main
from train.gate import count_levels

GATE = Gate(((0, 18),), ("AP",), warn=10.0, refuse=15.0)


def test_refused_and_warned_are_counted_apart() -> None:
    distances = np.array([1.0] * 70 + [10.0] * 10 + [12.0] * 15 + [15.0] * 2 + [20.0] * 3)
    counted = count_levels(GATE, distances, np.arange(100))
    assert counted["films"] == counted["patients"] == 100
    assert [counted[level].split(" %")[0] for level in ("accepted", "warned", "refused")] == [
        "80.0",
        "17.0",
        "3.0",
    ]
    assert counted["refused"] == "3.0 % (0.8 to 7.9)"


def test_films_of_one_patient_are_not_counted_as_many() -> None:
    distances = np.where(np.arange(90) < 9, 20.0, 1.0)
    by_film, by_patient = (
        count_levels(GATE, distances, patients)["refused"]
        for patients in (np.arange(90), np.arange(90) // 3)
    )
    assert by_film != by_patient and by_film.split("(")[0] == by_patient.split("(")[0]


def test_the_command_prints_a_row_a_cohort(
    run: Path, tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["gate", str(run), "--data", str(tiny)]) == 0
    printed = capsys.readouterr().out
    assert all(word in printed for word in ("accepted", "warned", "refused", "validation"))
