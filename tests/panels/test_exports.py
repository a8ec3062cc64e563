import csv
import io

import pytest
from streamlit.testing.v1 import AppTest

from cxrapp.explain.trust import LungEvidence
from cxrapp.panels.exports import table
from cxrapp.server import bundles
from tests.pages.steps import NORMAL, session, upload
from tests.places import SAMPLES

ILL = SAMPLES[2]


def test_the_table_says_of_an_answer_what_the_screen_says(
    app: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LungEvidence, "is_low", lambda *_: True)
    upload(app, ILL, NORMAL)
    here, bundle = session(app), bundles.open_bundle("pneumonia")
    films = list(here.worklist.films.values())
    rows = csv.DictReader(io.StringIO(table(here, bundle, films, identified=True)))
    said = {(row["file"], row["finding"]): row["caution"] for row in rows}
    assert "of the evidence is in the lungs" in said[ILL.name, "pneumonia"]
    assert "do not rely on the map" in said[ILL.name, "pneumonia"]
    assert said[ILL.name, "viral"].startswith("Weak: misses")
    # Nothing is warned of where nothing is claimed.
    assert said[NORMAL.name, "pneumonia"] == said[NORMAL.name, "viral"] == ""
