import time

from streamlit.testing.v1 import AppTest

from cxrapp.model.bundle import Bundle
from cxrapp.session.first_reads import record_call
from tests.pages.steps import (
    counts,
    curves_shown,
    photograph,
    press,
    session,
    texts,
    upload,
    verdict,
)
from tests.places import SAMPLES


def test_a_blinded_read_hides_the_model_until_the_reader_has_called(app: AppTest) -> None:
    app.toggle(key="blinded").set_value(True).run()
    upload(app, SAMPLES[-1])
    assert not verdict(app, "Pneumonia")
    assert "Your own call first" in texts(app)
    time.sleep(0.05)
    press(app, "call negative")
    assert " %" in verdict(app, "Pneumonia")
    press(app, "call positive")
    assert "You changed your mind on 1: 1 towards the model, 0 away" in texts(app)
    assert session(app).reviewed == {"0"}


def test_a_call_outside_a_blinded_read_is_kept_and_can_be_taken_back(
    app: AppTest, bundle: Bundle
) -> None:
    upload(app, SAMPLES[-1])
    film = session(app).worklist.films["0"]
    app.run()
    record_call(session(app), bundle, film, "positive")
    assert not session(app).reads and session(app).call(film) == "positive"
    record_call(session(app), bundle, film, "positive")
    assert session(app).call(film) is None


def test_while_a_blinded_read_is_under_way_nothing_else_tells(app: AppTest) -> None:
    app.toggle(key="blinded").set_value(True).run()
    upload(app, *SAMPLES[:2])
    assert counts(app) == ["2 films", "To review 2", "Reviewed 0"]
    assert not curves_shown(app) and not app.slider
    assert "Available after your reads" in texts(app)
    for key in ("0", "1"):
        session(app).opened = key
        app.run()
        press(app, "call unsure")
        assert not curves_shown(app) and not app.slider
        press(app, "call unsure")
    session(app).opened = "0"
    app.run()
    assert "Available after your reads" not in texts(app)
    assert "this film" in "".join(curves_shown(app))
    assert not {"Positive 2", "Positive 1", "Negative 1", "Negative 2"}.isdisjoint(counts(app))


def test_the_final_call_goes_on_to_the_next_film_and_a_refused_one_is_no_dead_end(
    app: AppTest,
) -> None:
    app.toggle(key="blinded").set_value(True).run()
    upload(app, photograph(), SAMPLES[0])
    assert session(app).current == "0"
    press(app, "call unsure")
    assert "Not screened" in texts(app)
    press(app, "call unsure")
    assert session(app).current == "1"
    assert "In the order they came" in texts(app)
