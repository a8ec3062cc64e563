import time

from streamlit.testing.v1 import AppTest

from cxrapp.model.bundle import Bundle
from cxrapp.session.first_reads import record_call
from tests.pages.steps import (
    curves_shown,
    press,
    session,
    texts,
    upload,
)
from tests.places import SAMPLES


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


def test_while_a_blinded_read_is_under_way_nothing_else_tells(app: AppTest) -> None:
    app.toggle(key="blinded").set_value(True).run()
    upload(app, *SAMPLES[:2])
    assert app.selectbox(key="show").options == ["All", "To review", "Reviewed"]
    assert "this film" not in "".join(curves_shown(app))
    assert "**0** pneumonia" not in texts(app) and "**1** pneumonia" not in texts(app)
    assert "Available after your reads" in texts(app)
    for key in ("0", "1"):
        session(app).opened = key
        app.run()
        press(app, "call unsure")
    assert "Available after your reads" not in texts(app)
    assert "this film" in "".join(curves_shown(app))
    assert "Positive" in app.selectbox(key="show").options
