import numpy as np
from PIL import Image
from streamlit.testing.v1 import AppTest

from cxrapp.model.bundle import Bundle
from cxrapp.model.decision import decide, default_settings
from cxrapp.panels import worklist
from cxrapp.panels.worklist import read_answer
from cxrapp.report.release import weakness
from cxrapp.server import bundles
from tests.films.dicom_maker import make
from tests.pages.steps import session, texts, upload
from tests.places import SAMPLES


def test_the_list_can_be_filtered_and_sorted(app: AppTest) -> None:
    upload(app, *SAMPLES)
    probabilities = {
        key: session(app).worklist.result(film, bundles.open_bundle("pneumonia"))
        for key, film in session(app).worklist.films.items()
    }
    ranked = sorted(probabilities, key=lambda k: -probabilities[k].prediction.probabilities[0])
    assert list(session(app).order) == ranked
    app.selectbox(key="order").set_value("As they came").run()
    assert list(session(app).order) == sorted(ranked, key=int)
    app.pills(key="show").set_value("Negative").run()
    threshold = bundles.offered_cards()["pneumonia"].default_thresholds()["pneumonia"]
    below = [k for k in ranked if probabilities[k].prediction.probabilities[0] < threshold]
    assert 0 < len(below) < len(ranked)
    assert list(session(app).order) == sorted(below, key=int)
    app.pills(key="show").set_value("Reviewed").run()
    assert not app.exception
    assert "No film is like that" in texts(app)


def test_a_kind_that_the_model_is_weak_at_is_not_named_in_the_list(bundle: Bundle) -> None:
    card = bundle.card
    settings = default_settings(card)
    assert weakness(card, "viral") and not weakness(card, "pneumonia")
    for viral in (0.99, 0.01):
        answer = read_answer(card, decide(card, [0.99, viral], settings))
        assert answer == ("positive", "pneumonia")
    assert read_answer(card, decide(card, [0.01, 0.99], settings)) == ("negative", "no pneumonia")


def test_films_of_one_study_stand_together(app: AppTest) -> None:
    pixels = [np.asarray(Image.open(path).convert("L").resize((300, 240))) for path in SAMPLES[:3]]
    uids = ["1.2.3", "1.2.4", "1.2.3"]
    films = [
        (f"{n}.dcm", make(pixels[n], StudyInstanceUID=uid, PatientAge="004Y", ViewPosition="AP"))
        for n, uid in enumerate(uids)
    ]
    upload(app, *films)
    order = [session(app).worklist.films[key].tags.study.uid for key in session(app).order]
    assert order in (["1.2.3", "1.2.3", "1.2.4"], ["1.2.4", "1.2.3", "1.2.3"])


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
