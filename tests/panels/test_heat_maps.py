import pytest
from streamlit.testing.v1 import AppTest

from tests.pages.steps import open_page, texts, upload
from tests.places import SAMPLES


def test_two_methods_stand_side_by_side_with_their_agreement(app: AppTest) -> None:
    upload(app, SAMPLES[-1])
    for method in ("Evidence for and against", "Grad-CAM++"):
        assert f"**{method}**" not in texts(app)
        app.selectbox(key="second method").set_value(method).run()
        assert not app.exception
        assert "the two methods" in texts(app)
        assert f"**{method}**" in texts(app)


@pytest.mark.slow
def test_feature_maps_of_a_chosen_layer() -> None:
    app = open_page("model")
    app.toggle(key="layers").set_value(True).run()
    app.selectbox(key="layer").set_value("dense block 1").run()
    assert not app.exception
    assert "12 channels of the dense block 1" in texts(app)
