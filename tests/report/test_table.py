import csv
import io

import pytest

from cxrapp.films.radiograph import Rejection
from cxrapp.model.decision import default_settings
from cxrapp.model.gate import Verdict
from cxrapp.report.table import film_rows, rejection_rows, table_writer
from tests.report.cases import CARD, case, film

SETTINGS = default_settings(CARD)
COLUMNS = ["file", "finding", "probability", "threshold", "decision", "status", "message"]


def rows_of(name: str) -> list[dict[str, str]]:
    file = io.StringIO()
    writer = table_writer(file)
    writer.writerows(film_rows(name, case().decisions, Verdict("accept")))
    writer.writerows(rejection_rows(CARD, Rejection(name, "It is broken."), SETTINGS))
    reader = csv.DictReader(io.StringIO(file.getvalue(), newline=""))
    assert reader.fieldnames == COLUMNS
    return list(reader)


def test_a_refused_film_has_no_decision_unless_it_was_overruled() -> None:
    refusal, decisions = Verdict("refuse", ("It is a hand.",)), case().decisions
    rows = film_rows("a.png", decisions, refusal)
    assert [row["decision"] for row in rows] == ["", ""]
    assert all(row["probability"] for row in rows) and rows[0]["status"] == "refused"
    overruled = film_rows("a.png", decisions, refusal, overruled=True)
    assert [row["decision"] for row in overruled] == ["positive", "negative"]


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1"])
def test_a_name_that_is_a_formula_is_shown_not_run(name: str) -> None:
    assert {row["file"] for row in rows_of(name)} == {f"'{name}"}


def test_a_carriage_return_does_not_end_the_row() -> None:
    assert {row["file"] for row in rows_of("\r=1")} == {"' =1"}


@pytest.mark.parametrize("name", ["a.png", "ward 3/a=b.jpg", "'quoted", "صورة.dcm"])
def test_other_names_are_left_alone(name: str) -> None:
    assert {row["file"] for row in rows_of(name)} == {name}
    assert film(name).name == name
