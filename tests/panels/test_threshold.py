import csv
import io
import json
import re

import pytest
from streamlit.testing.v1 import AppTest

from cxrapp.model.bundle import Bundle
from cxrapp.model.decision import Setting
from cxrapp.panels.exports import cases, table
from cxrapp.report.release import release_cases
from cxrapp.server import bundles
from cxrapp.session.saved_points import SavedPoint, dump_points
from cxrapp.words import percent
from tests.pages.steps import (
    NORMAL,
    outcomes_shown,
    press,
    session,
    texts,
    threshold,
    upload,
    verdict,
)
from tests.places import SAMPLES


def test_logit_and_probability_are_one_threshold(app: AppTest) -> None:
    upload(app, SAMPLES[0])
    threshold(app, "Pneumonia").set_value(50.0).run()
    app.segmented_control(key="scale").set_value("Logit").run()
    assert threshold(app, "Pneumonia").value == pytest.approx(0.0)
    threshold(app, "Pneumonia").set_value(1.0).run()
    app.segmented_control(key="scale").set_value("Probability").run()
    assert not app.exception
    assert threshold(app, "Pneumonia").value == pytest.approx(73.1)


def test_probabilities_of_the_answers_multiply(app: AppTest) -> None:
    upload(app, SAMPLES[2])  # read as ill
    (line,) = [one.value for one in app.caption if one.value.startswith("no pneumonia")]
    shown = re.findall(r"([a-z ]+) \*\*([\d.]+) %\*\*", line)
    assert [name.strip() for name, _ in shown] == [
        "no pneumonia",
        "bacterial pneumonia",
        "viral pneumonia",
    ]
    bundle, here = bundles.open_bundle("pneumonia"), session(app)
    result = here.worklist.result(here.worklist.films["0"], bundle)
    pneumonia, viral = result.prediction.probabilities
    expected = [1 - pneumonia, pneumonia * (1 - viral), pneumonia * viral]
    assert [float(number) / 100 for _, number in shown] == pytest.approx(expected, abs=6e-4)


def test_nothing_is_assumed_of_the_ward_until_the_reader_says(app: AppTest) -> None:
    """Viral started at "10 of 100", and 79.8 % became 45.0 % by an invention."""
    upload(app, SAMPLES[0])
    fields = [one for one in app.number_input if one.label.startswith("Of 100 children")]
    assert fields and all(one.value is None for one in fields)
    here, card = session(app), bundles.offered_cards()["pneumonia"]
    assert here.ward(card) == {}
    assert "as among validation films" in texts(app)
    assert "PPV | say how many" in texts(app)
    for prevalence in (10.0, 40.0):
        field = next(one for one in app.number_input if one.label.startswith("Of 100 children"))
        field.set_value(prevalence).run()
        assert not app.exception
        rows = re.findall(r"\| ([a-z ]+) \| \*\*(\d+)\*\*", outcomes_shown(app))
        counts = {name: int(count) for name, count in rows}
        assert counts["found"] + counts["missed"] == pytest.approx(10 * prevalence, abs=1)
        assert sum(counts.values()) == pytest.approx(1000, abs=2)
        assert "PPV | say how many" not in texts(app) and "PPV | **" in texts(app)


def test_the_ward_moves_the_headline_the_chain_and_the_files(app: AppTest) -> None:
    upload(app, SAMPLES[2])  # read as ill
    next(one for one in app.number_input if one.label.startswith("Of 100")).set_value(5.0).run()
    here, bundle = session(app), bundles.open_bundle("pneumonia")
    film = here.worklist.films["0"]
    (row, _) = csv.DictReader(io.StringIO(table(here, bundle, [film], identified=False)))
    (one, _) = release_cases(bundle.card, cases(here, bundle, [film]), identified=False)[0].results
    assert float(row["ward_probability"]) == pytest.approx(one.ward, abs=1e-6)
    assert percent(one.ward) in verdict(app, "Pneumonia")
    assert f"{percent(one.probability)} as calibrated" in texts(app)
    assert f"no pneumonia **{percent(1 - one.ward)}**" in texts(app)
    for performance in one.performance:
        assert row[f"{performance.cohort}_sensitivity"] == str(performance.sensitivity)


def test_switching_films_switches_what_a_move_changes(app: AppTest) -> None:
    """The line said "specificity -96.3 points" of validation whatever films were chosen."""
    upload(app, SAMPLES[0])
    threshold(app, "Pneumonia").set_value(5.0).run()
    said = []
    for cohort in ("validation", "test"):
        app.segmented_control(key="cohort").set_value(cohort).run()
        (line,) = [one.value for one in app.caption if f"points on {cohort} films" in one.value]
        said.append(re.findall(r"[+-][\d.]+", line))
    assert said[0] != said[1]


def test_the_point_is_chosen_on_validation_and_the_test_stands_beside(app: AppTest) -> None:
    upload(app, SAMPLES[0])
    lines = [one.value for one in app.caption if one.value.startswith("The point chosen on")]
    assert lines and all("% on validation" in line and "% on test films" in line for line in lines)


def test_a_goal_says_what_it_gives_and_sets_the_slider(app: AppTest) -> None:
    upload(app, SAMPLES[0])
    kinds = ("Sensitivity, %", "Specificity, %", "Youden's index")
    for goal in (*kinds, "Cost of a miss", "Net benefit, %"):
        threshold(app, "Pneumonia").set_value(98.7).run()
        app.selectbox(key="goal pneumonia").set_value(goal).run()
        given = re.compile(r"([\d.]+) %: sensitivity.* on validation films\.")
        (found,) = filter(None, (given.match(one.value) for one in app.caption))
        press(app, "goal pneumonia use")
        assert found[1] == f"{threshold(app, 'Pneumonia').value:.1f}"


def test_films_in_the_abstain_band_are_undecided_and_counted_apart(app: AppTest) -> None:
    upload(app, NORMAL)
    toggle = next(one for one in app.toggle if "undecided" in one.label)
    toggle.set_value(True).run()
    threshold(app, "Pneumonia").set_value((0.1, 99.9)).run()
    assert not app.exception
    assert "undecided" in texts(app)
    assert "| undecided | **" in outcomes_shown(app)
    toggle = next(one for one in app.toggle if "undecided" in one.label)
    toggle.set_value(False).run()
    assert "| undecided | **" not in outcomes_shown(app)


def test_points_are_saved_and_used_again(app: AppTest) -> None:
    upload(app, SAMPLES[0])
    threshold(app, "Pneumonia").set_value(25.0).run()
    app.text_input(key="save pneumonia name").set_value("night *shift*")
    app.text_input(key="save pneumonia note").set_value("two on duty")
    next(b for b in app.button if b.label == "Save").click().run()
    assert not app.exception
    threshold(app, "Pneumonia").set_value(75.0).run()
    next(b for b in app.button if b.label.startswith("night")).click().run()
    assert threshold(app, "Pneumonia").value == 25.0
    (saved,) = session(app).saved[bundles.offered_cards()["pneumonia"].sha256]
    assert (saved.note, saved.setting.threshold) == ("two on duty", 0.25)


def test_a_settings_file_is_loaded_and_another_models_is_refused(
    app: AppTest, bundle: Bundle
) -> None:
    upload(app, SAMPLES[0])
    text = dump_points(
        bundle.card, [SavedPoint("pneumonia", "day", Setting(0.4), saved="2026-01-02")]
    )
    app.file_uploader(key="save pneumonia upload").set_value(
        [("settings.json", text.encode(), "application/json")]
    ).run()
    assert not app.exception
    next(b for b in app.button if b.label.startswith("day")).click().run()
    assert threshold(app, "Pneumonia").value == 40.0
    other = json.dumps(json.loads(text) | {"bundle_sha256": "0" * 64})
    app.file_uploader(key="save pneumonia upload").set_value(
        [("settings.json", other.encode(), "application/json")]
    ).run()
    assert "saved for another model" in texts(app)


def test_viral_is_not_asked_without_pneumonia(app: AppTest) -> None:
    upload(app, NORMAL)
    threshold(app, "Pneumonia").set_value(99.9).run()
    line = verdict(app, "Viral pneumonia")
    assert "– not asked: only if pneumonia" in line and "%" not in line
