import html
import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
from playwright.sync_api import Browser
from sklearn.metrics import accuracy_score, f1_score

from train.__main__ import main
from train.report.checklist import ITEMS


@pytest.fixture(scope="module")
def reported(run: Path, tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report") / "run"
    shutil.copytree(run, folder)
    assert main(["evaluate", str(folder), "--data", str(tiny), "--test"]) == 0
    assert main(["report", str(folder), "--data", str(tiny)]) == 0
    return folder


def test_the_page_has_every_part_and_loads_nothing_from_outside(reported: Path) -> None:
    page = (reported / "report.html").read_text()
    for where in {item.where for item in ITEMS} - {""}:
        there = where not in ("groups", "shortcuts")  # which this run does not have
        assert (f'id="{where}"' in page) == (f">{where}</a>" in page) == there
    for item in ITEMS:
        assert item.what in html.unescape(page)
        assert item.answer != "no" or not item.where
    assert page.count("Not measured in this run.") == 2
    body = page[page.index("<body") :]
    assert 'src="http' not in body and "<link" not in page
    assert body.count("data:image/jpeg;base64,") >= 12
    assert "nan" not in body.split("base64")[0].lower()


@pytest.mark.parametrize(("guideline", "last"), [("tripod", 27), ("claim", 44), ("stard", 30)])
def test_every_item_of_every_guideline_is_answered(guideline: str, last: int) -> None:
    answered = {int(n) for item in ITEMS for n in re.findall(r"\d+", getattr(item, guideline))}
    assert answered == set(range(1, last + 1))


def test_the_numbers_are_those_of_the_scores(reported: Path) -> None:
    numbers = json.loads((reported / "report.json").read_text())
    test = pd.read_csv(reported / "scores.csv").query("split == 'test'")
    measured = numbers["cohorts"]["test"]["findings"]["pneumonia"]
    point = next(iter(measured["operating points"].values()))
    gate = numbers["cohorts"]["test"]["gate"]
    assert gate["films"] == len(test) and {"accepted", "warned", "refused"} <= set(gate)
    page = html.unescape((reported / "report.html").read_text())
    assert f"warned of {gate['warned']}, refused {gate['refused']}" in page
    called = test["pneumonia_probability"] >= point["threshold"]
    assert point["accuracy"]["value"] == pytest.approx(accuracy_score(test["pneumonia"], called))
    assert measured["by class"]["pneumonia"]["f1-score"] == pytest.approx(
        f1_score(test["pneumonia"], called)
    )
    classes = numbers["cohorts"]["test"]["classes"]
    assert sum(map(sum, classes["confusion"])) == len(test)
    assert [row["patients in another split"] for row in numbers["splits"].values()] == [0, 0, 0]


def test_the_page_opens_offline_and_draws_its_figures(reported: Path, browser: Browser) -> None:
    asked: list[str] = []
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"file://{reported / 'report.html'}")
    page.wait_for_function("document.querySelectorAll('.js-plotly-plot .main-svg').length > 20")
    assert all(url.startswith(("file:", "data:", "blob:")) for url in asked)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
