import io
import json
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_images
from streamlit.testing.v1 import AppTest

import cxrapp.model.predict
from cxrapp.model.bundle import Bundle
from cxrapp.panels import exports, worklist
from cxrapp.server import bundles
from cxrapp.session.film import Film
from cxrapp.session.first_reads import record_call
from cxrapp.session.saved_points import SavedPoint, dump_points
from cxrapp.session.worklist import Worklist
from tests.films.dicom_maker import make
from tests.pages.steps import (
    OPENED,
    outcomes_shown,
    press,
    session,
    settle,
    texts,
    threshold,
    upload,
)
from tests.places import SAMPLES

NORMAL = next(path for path in SAMPLES if path.name.startswith("NORMAL2-IM-0092"))


def test_first_screen_shows_a_result_one_click_away(app: AppTest) -> None:
    assert OPENED not in texts(app)
    assert "not a diagnosis" in texts(app)
    press(app, "samples")
    settle(app)
    assert OPENED in texts(app)
    assert f"{len(SAMPLES)} films" in texts(app)


def test_the_tour_has_five_sentences(app: AppTest) -> None:
    press(app, "samples")
    settle(app)
    for number in range(1, 6):
        assert f"{number} of 5." in app.info[0].value
        press(app, "tour next")
    assert not app.info


def test_a_broken_file_is_named_and_the_others_are_screened(app: AppTest) -> None:
    broken = ("broken<b>.png", SAMPLES[0].read_bytes()[:5000])
    upload(app, SAMPLES[0], broken, SAMPLES[1])
    assert "1 file was not screened" in app.warning[0].value
    assert "cut off or damaged" in texts(app)
    assert "\\<b\\>" in app.warning[0].value
    assert "2 films" in texts(app)
    press(app, "close rejections")
    assert "not screened" not in texts(app)
    table = exports.table(session(app), bundles.offered_bundles()["pneumonia"], [], identified=True)
    assert "broken<b>.png" in table  # the message is gone, the file is still accounted for
    hidden = exports.table(
        session(app), bundles.offered_bundles()["pneumonia"], [], identified=False
    )
    assert "broken" not in hidden and "unread file 1" in hidden


def test_threshold_moves_everything_without_running_the_network(
    app: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload(app, SAMPLES[-1])
    monkeypatch.setattr(cxrapp.model.predict, "encode", None)  # another pass would fail
    threshold(app, "Pneumonia").set_value(0.001).run()
    low, low_outcomes = texts(app), outcomes_shown(app)
    threshold(app, "Pneumonia").set_value(0.999).run()
    assert not app.exception
    assert "red-badge[positive]" in low
    card = bundles.offered_bundles()["pneumonia"].card
    assert f"validated {card.default_thresholds()['pneumonia']:.3f}" in low
    assert outcomes_shown(app) != low_outcomes
    assert (
        session(app).setting(bundles.offered_bundles()["pneumonia"].card, "pneumonia").threshold
        == 0.999
    )


def test_logit_and_probability_are_one_threshold(app: AppTest) -> None:
    upload(app, SAMPLES[0])
    threshold(app, "Pneumonia").set_value(0.5).run()
    app.segmented_control(key="scale").set_value("Logit").run()
    assert threshold(app, "Pneumonia").value == pytest.approx(0.0)
    threshold(app, "Pneumonia").set_value(1.0).run()
    app.segmented_control(key="scale").set_value("Probability").run()
    assert not app.exception
    assert threshold(app, "Pneumonia").value == pytest.approx(0.731)


def test_probabilities_of_the_answers_multiply(app: AppTest) -> None:
    upload(app, SAMPLES[0])
    (line,) = [one.value for one in app.caption if one.value.startswith("no pneumonia")]
    assert "bacterial pneumonia" in line
    assert "viral pneumonia" in line


def test_prevalence_changes_the_outcomes(app: AppTest) -> None:
    upload(app, SAMPLES[0])
    before = outcomes_shown(app)
    field = next(one for one in app.number_input if one.label.startswith("Of 100 children seen"))
    field.set_value(40.0).run()
    assert not app.exception
    assert outcomes_shown(app) != before


def test_a_goal_sets_the_slider(app: AppTest) -> None:
    upload(app, SAMPLES[0])
    goal = next(b for b in app.button if b.label.startswith("Specificity at least 90 %"))
    goal.click().run()
    assert threshold(app, "Pneumonia").value == float(goal.label.split(": ")[1])


@pytest.mark.parametrize(
    "goal", ["Specificity of at least", "Youden's index", "Cost of a miss", "Net benefit"]
)
def test_other_goals_say_what_they_give_and_set_the_slider(app: AppTest, goal: str) -> None:
    upload(app, SAMPLES[0])
    app.selectbox(key="goal pneumonia").set_value(goal).run()
    words = next(one.value for one in app.caption if one.value.startswith("Threshold 0"))
    press(app, "goal pneumonia use")
    assert f"Threshold {threshold(app, 'Pneumonia').value:.3f}" in words


def test_films_in_the_abstain_band_are_undecided_and_counted_apart(app: AppTest) -> None:
    upload(app, NORMAL)
    toggle = next(one for one in app.toggle if one.label.startswith("Abstain band"))
    toggle.set_value(True).run()
    threshold(app, "Pneumonia").set_value((0.001, 0.999)).run()
    assert not app.exception
    assert "undecided" in texts(app)
    assert "undecided, both kinds" in outcomes_shown(app)
    toggle = next(one for one in app.toggle if one.label.startswith("Abstain band"))
    toggle.set_value(False).run()
    assert "undecided, both kinds" not in outcomes_shown(app)


def test_points_are_saved_and_used_again(app: AppTest) -> None:
    upload(app, SAMPLES[0])
    threshold(app, "Pneumonia").set_value(0.25).run()
    app.text_input(key="save pneumonia name").set_value("night *shift*")
    app.text_input(key="save pneumonia note").set_value("two on duty")
    next(b for b in app.button if b.label == "Save this point").click().run()
    assert not app.exception
    threshold(app, "Pneumonia").set_value(0.75).run()
    next(b for b in app.button if b.label.startswith("night")).click().run()
    assert threshold(app, "Pneumonia").value == 0.25
    (saved,) = session(app).saved[bundles.offered_bundles()["pneumonia"].card.sha256]
    assert (saved.note, saved.threshold) == ("two on duty", 0.25)


def test_a_settings_file_is_loaded_and_another_models_is_refused(
    app: AppTest, bundle: Bundle
) -> None:
    upload(app, SAMPLES[0])
    text = dump_points(bundle.card, [SavedPoint("pneumonia", "day", 0.4, saved="2026-01-02")])
    app.file_uploader(key="save pneumonia upload").set_value(
        [("settings.json", text.encode(), "application/json")]
    ).run()
    assert not app.exception
    next(b for b in app.button if b.label.startswith("day")).click().run()
    assert threshold(app, "Pneumonia").value == 0.4
    other = json.dumps(json.loads(text) | {"bundle_sha256": "0" * 64})
    app.file_uploader(key="save pneumonia upload").set_value(
        [("settings.json", other.encode(), "application/json")]
    ).run()
    assert "saved for another model" in texts(app)


@pytest.fixture
def photograph(tmp_path: Path) -> Path:
    path = tmp_path / "china.png"
    Image.fromarray(load_sample_images().images[0]).save(path)
    return path


def test_a_refused_film_shows_no_result_until_the_reader_insists(
    app: AppTest, photograph: Path
) -> None:
    upload(app, photograph)
    assert "does not look like a frontal chest film of children" in texts(app)
    assert "Pneumonia** **" not in texts(app)
    press(app, "overrule")
    assert "shown at the reader's own choice" in app.warning[0].value
    assert "Pneumonia** **" in texts(app)


def test_overruling_one_model_does_not_overrule_another(app: AppTest, photograph: Path) -> None:
    upload(app, photograph)
    press(app, "overrule")
    app.selectbox(key="bundle").set_value("all-ages").run()
    settle(app)
    assert app.error[0].value.startswith("**Not screened.**")
    assert "Pneumonia** **" not in texts(app)


def test_refused_films_end_the_worklist_and_are_not_counted(app: AppTest, photograph: Path) -> None:
    upload(app, photograph, *SAMPLES)
    assert f"{len(SAMPLES) + 1} films" in texts(app)
    assert "**1** refused" in texts(app)
    assert session(app).order[-1] == "0"


def test_the_list_can_be_filtered_and_sorted(app: AppTest) -> None:
    upload(app, *SAMPLES)
    probabilities = {
        key: session(app).worklist.result(film, bundles.offered_bundles()["pneumonia"])
        for key, film in session(app).worklist.films.items()
    }
    ranked = sorted(probabilities, key=lambda k: -probabilities[k].prediction.probabilities[0])
    assert list(session(app).order) == ranked
    app.selectbox(key="order").set_value("As they came").run()
    assert list(session(app).order) == sorted(ranked, key=int)
    app.selectbox(key="show").set_value("Negative").run()
    assert [session(app).worklist.films[key].name for key in session(app).order] == [NORMAL.name]
    app.selectbox(key="show").set_value("Reviewed").run()
    assert not app.exception
    assert "No film is like that" in texts(app)


def test_films_of_one_study_stand_together(app: AppTest) -> None:
    pixels = [np.asarray(Image.open(path).convert("L").resize((300, 240))) for path in SAMPLES[:3]]
    uids = ["1.2.3", "1.2.4", "1.2.3"]
    films = [
        (f"{n}.dcm", make(pixels[n], StudyInstanceUID=uid, PatientAge="004Y", ViewPosition="AP"))
        for n, uid in enumerate(uids)
    ]
    upload(app, *films)
    order = [session(app).worklist.films[key].tags.study_uid for key in session(app).order]
    assert order in (["1.2.3", "1.2.3", "1.2.4"], ["1.2.4", "1.2.3", "1.2.3"])


def test_an_archive_of_dicom_and_png_films_is_one_upload(app: AppTest) -> None:
    pixels = np.asarray(Image.open(SAMPLES[0]).convert("L"))
    png = io.BytesIO()
    Image.open(SAMPLES[1]).convert("L").save(png, "PNG")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a/film", make(pixels, PatientAge="003Y", ViewPosition="AP"))
        archive.writestr("b/film.png", png.getvalue())
    upload(app, ("night.zip", buffer.getvalue()))
    assert "2 films" in texts(app)


def test_viral_is_not_asked_without_pneumonia(app: AppTest) -> None:
    upload(app, NORMAL)
    threshold(app, "Pneumonia").set_value(0.999).run()
    assert "not asked: only if pneumonia" in texts(app)


def test_a_blinded_read_hides_the_model_until_the_reader_has_called(app: AppTest) -> None:
    app.toggle(key="blinded").set_value(True).run()
    upload(app, SAMPLES[-1])
    assert "Pneumonia** **" not in texts(app)
    assert "Your own call first" in texts(app)
    time.sleep(0.05)
    press(app, "call negative")
    assert "Pneumonia** **" in texts(app)
    press(app, "call positive")
    assert "You changed your mind on 1: 1 towards the model, 0 away" in texts(app)
    assert session(app).reviewed == {"0"}


def test_a_call_outside_a_blinded_read_is_no_read(app: AppTest, bundle: Bundle) -> None:
    upload(app, SAMPLES[-1])
    film = session(app).worklist.films["0"]
    app.run()
    record_call(session(app), bundle, film, "positive")
    assert not session(app).reads


@pytest.mark.parametrize("method", ["Evidence for and against", "Grad-CAM++", "Eigen-CAM"])
def test_two_methods_stand_side_by_side_with_their_agreement(app: AppTest, method: str) -> None:
    upload(app, SAMPLES[-1])
    app.selectbox(key="second method").set_value(method).run()
    assert not app.exception
    assert "the two methods" in texts(app)
    assert f"**{method}**" in texts(app)


def test_feature_maps_of_a_chosen_layer(app: AppTest) -> None:
    upload(app, SAMPLES[-1])
    app.toggle(key="layers").set_value(True).run()
    app.selectbox(key="layer").set_value("dense block 1").run()
    assert not app.exception
    assert "12 channels of the dense block 1" in texts(app)


def test_results_that_arrive_while_the_page_is_drawn_are_shown(
    app: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    scored = Worklist.scored

    def look_and_wait(self: Worklist, bundle: Bundle) -> list[Film]:
        found = scored(self, bundle)
        self.wait()
        return found

    monkeypatch.setattr(Worklist, "scored", look_and_wait)
    widget = next(one for one in app.file_uploader if one.key.startswith("uploads"))
    widget.set_value([(SAMPLES[0].name, SAMPLES[0].read_bytes(), "image/jpeg")]).run()
    assert OPENED in texts(app)


def test_films_taken_away_are_forgotten(app: AppTest) -> None:
    upload(app, SAMPLES[0])
    assert len(session(app).worklist.films) == 1
    app.toggle(key="clear").set_value(True).run()
    next(b for b in app.button if b.label.startswith("Remove 1 films")).click().run()
    assert not app.exception
    assert not session(app).worklist.films
    assert OPENED not in texts(app)


def test_while_a_blinded_read_is_under_way_nothing_else_tells(app: AppTest) -> None:
    app.toggle(key="blinded").set_value(True).run()
    upload(app, *SAMPLES[:2])
    assert app.selectbox(key="show").options == ["All", "To review", "Reviewed"]
    assert "Available after your reads" in texts(app)
    for key in ("0", "1"):
        session(app).opened = key
        app.run()
        press(app, "call unsure")
    assert "Available after your reads" not in texts(app)
    assert "Positive" in app.selectbox(key="show").options


def test_the_open_film_is_the_one_that_is_exported(app: AppTest) -> None:
    upload(app, *SAMPLES)
    for key in (None, session(app).order[2]):
        session(app).opened = key
        app.run()
        film = session(app).worklist.films[session(app).current]
        assert f"**{film.name}**" in texts(app)
        (case,) = exports.cases(session(app), bundles.offered_bundles()["pneumonia"], [film])
        assert case.mark == film.mark


def test_an_action_on_a_film_no_longer_in_sight_is_dropped(app: AppTest, bundle: Bundle) -> None:
    upload(app, *SAMPLES[:3])
    first, second, third = session(app).order
    act = worklist.act
    act(session(app), bundle, [{"number": 1, "film": first, "kind": "step", "by": 1}])
    assert session(app).current == second
    late = {"number": 2, "film": first, "kind": "review"}
    act(session(app), bundle, [late])
    assert not session(app).reviewed
    in_time = {"number": 3, "film": second, "kind": "review"}
    act(session(app), bundle, [late, in_time])
    act(session(app), bundle, [late, in_time])  # sent again with the next action
    assert session(app).reviewed == {second}
    assert session(app).current == third
