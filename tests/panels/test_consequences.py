from streamlit.testing.v1 import AppTest

from tests.pages.steps import texts, upload
from tests.places import SAMPLES


def test_what_hangs_on_the_ward_is_told_once_the_ward_is(app: AppTest) -> None:
    upload(app, SAMPLES[0])
    assert "PPV | say how many" in texts(app)
    field = next(one for one in app.number_input if "how many have pneumonia" in one.label)
    field.set_value(20.0).run()
    assert not app.exception
    assert "PPV | say how many" not in texts(app)
    assert "PPV | **" in texts(app)
