from dataclasses import replace
from itertools import count

import pytest
from sklearn.metrics import cohen_kappa_score

from cxrapp.model.decision import Call, Outcome
from cxrapp.statistics.reader_agreement import COLUMNS, Read, rows, summarise_reads

NUMBERS = count()  # of patients


def read(first: Call, final: Call, model: Outcome, seconds: float = 10) -> Read:
    return Read("x.png", str(next(NUMBERS)), first, seconds, final, seconds / 4, model)


def table(both: int, reader: int, model: int, neither: int) -> list[Read]:
    """Counts of a 2 x 2 table, each call kept after the model was seen."""
    kinds: list[tuple[int, Call, Outcome]] = [
        (both, "positive", "positive"),
        (reader, "positive", "negative"),
        (model, "negative", "positive"),
        (neither, "negative", "negative"),
    ]
    return [read(call, call, said) for number, call, said in kinds for _ in range(number)]


def test_kappa_by_hand() -> None:
    """20 and 15 of 50 agree, 0.7; chance: 0.5 * 0.6 + 0.5 * 0.4 = 0.5; (0.7 - 0.5) / 0.5 = 0.4."""
    before = summarise_reads(table(20, 5, 10, 15)).before
    assert before.share.value == 0.7
    assert before.kappa.value == pytest.approx(0.4)
    assert before.kappa.low < 0.4 < before.kappa.high
    assert before.kappa.low == pytest.approx(0.4 - 1.96 * 0.127, abs=0.05)  # Fleiss (1969)
    assert before.kappa.high == pytest.approx(0.4 + 1.96 * 0.127, abs=0.05)


def test_unsure_is_undecided() -> None:
    reads = [read("unsure", "unsure", "undecided"), read("unsure", "positive", "negative")]
    summary = summarise_reads(reads + table(5, 0, 0, 5))
    assert summary.before.share.value == pytest.approx(11 / 12)
    codes = [1, 1, *[2] * 5, *[0] * 5], [1, 0, *[2] * 5, *[0] * 5]
    assert summary.before.kappa.value == pytest.approx(cohen_kappa_score(*codes))


def test_films_of_one_patient_do_not_narrow_the_kappa() -> None:
    reads = table(20, 5, 10, 15)
    once = summarise_reads(reads).before.kappa
    thrice = [one for one in reads for _ in range(3)]
    by_patient = summarise_reads(thrice).before.kappa
    apart = [replace(one, patient=str(number)) for number, one in enumerate(thrice)]
    by_film = summarise_reads(apart).before.kappa
    assert by_patient.high - by_patient.low == pytest.approx(once.high - once.low)
    assert by_film.high - by_film.low < 0.8 * (once.high - once.low)


def test_full_agreement_is_not_certainty() -> None:
    kappa = summarise_reads(table(10, 0, 0, 10)).before.kappa
    assert (kappa.value, kappa.high) == (1, 1)
    assert kappa.low == pytest.approx((0.05 ** (1 / 20) - 0.5) / 0.5)


@pytest.mark.parametrize("reads", [table(30, 0, 0, 0), table(4, 1, 1, 3)])
def test_kappa_that_cannot_be_had_is_none(reads: list[Read]) -> None:
    """One answer only; fewer than ten patients."""
    summary = summarise_reads(reads)
    assert summary.before.kappa is None and summary.before.share.n == len(reads)


def test_changes_of_mind_go_towards_the_model_or_away() -> None:
    summary = summarise_reads(
        [
            read("negative", "positive", "positive"),
            read("negative", "unsure", "positive"),
            read("positive", "unsure", "positive"),
            read("positive", "negative", "undecided"),  # as far as before
            read("positive", "positive", "negative"),
            read("negative", "positive", "not asked"),
        ]
    )
    assert (summary.films, summary.asked) == (6, 5)
    assert (summary.changed, summary.towards, summary.away) == (4, 2, 1)
    assert summary.before.share.value == pytest.approx(1 / 5)
    assert summary.after.share.value == pytest.approx(1 / 5)


def test_times_are_medians() -> None:
    summary = summarise_reads([read("unsure", "unsure", "negative", s) for s in (4, 8, 60)])
    assert (summary.first_seconds, summary.final_seconds) == (8, 2)


def test_no_reads_are_no_numbers() -> None:
    summary = summarise_reads([])
    assert summary.films == summary.asked == summary.changed == 0
    assert (summary.before, summary.after, summary.first_seconds) == (None,) * 3


def test_rows_follow_the_columns() -> None:
    (row,) = rows([Read("x.png", "whose", "unsure", 3.14159, "positive", 1.06, "positive")])
    assert tuple(row) == COLUMNS and "patient" not in row
    assert row["first_seconds"] == 3.1 and row["final_seconds"] == 1.1
