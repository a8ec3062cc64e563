import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from sklearn.datasets import load_sample_images
from streamlit.testing.v1 import AppTest

import cxrapp.predict
from cxrapp.pages import bundles

ROOT = Path(__file__).parents[1]
SAMPLES = sorted((ROOT / "cxrapp/samples").glob("*.jpeg"))


@pytest.fixture
def app() -> Iterator[AppTest]:
    yield AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=120).run()


def texts(app: AppTest) -> str:
    elements = [*app.markdown, *app.caption, *app.warning, *app.error]
    return "\n".join(element.value for element in elements)


def upload(app: AppTest, *paths: Path) -> AppTest:
    files = [(path.name, path.read_bytes(), "application/octet-stream") for path in paths]
    return app.file_uploader(key="uploads").set_value(files).run()


def threshold(app: AppTest, finding: str) -> object:
    return next(s for s in app.slider if s.label == f"{finding} threshold")


def test_first_screen_shows_a_result_one_click_away(app: AppTest) -> None:
    assert "Of 100 children" not in texts(app)
    app.button(key="samples_button").click().run()
    assert not app.exception
    assert "Of 100 children with pneumonia, this setting finds" in texts(app)
    assert f"{len(SAMPLES)} films" in texts(app)


def test_one_film_is_shown_without_a_worklist(app: AppTest) -> None:
    upload(app, SAMPLES[0])
    assert not app.exception
    assert "Worklist" not in texts(app)
    assert SAMPLES[0].stem in texts(app).replace("\\", "")


def test_a_broken_file_is_named_and_the_others_are_screened(app: AppTest, tmp_path: Path) -> None:
    broken = tmp_path / "broken<b>.png"
    broken.write_bytes(SAMPLES[0].read_bytes()[:5000])
    upload(app, SAMPLES[0], broken, SAMPLES[1])
    assert not app.exception
    assert "1 file was not screened" in app.warning[0].value
    assert "cut off or damaged" in app.warning[0].value.replace("\\", "")
    assert "<b>" not in app.warning[0].value
    assert "2 films" in texts(app)


def test_threshold_moves_decision_and_counts_without_running_the_network(
    app: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload(app, SAMPLES[-1])
    monkeypatch.setattr(cxrapp.predict, "encode", None)  # another pass would fail
    threshold(app, "Pneumonia").set_value(0.001).run()
    low = texts(app)
    threshold(app, "Pneumonia").set_value(0.999).run()
    high = texts(app)
    assert not app.exception
    assert "positive: pneumonia" in low
    assert low.split("Of 100 children")[1] != high.split("Of 100 children")[1]


@pytest.fixture
def photograph(tmp_path: Path) -> Path:
    path = tmp_path / "china.png"
    Image.fromarray(load_sample_images().images[0]).save(path)
    return path


def test_a_refused_film_shows_no_result_until_the_reader_insists(
    app: AppTest, photograph: Path
) -> None:
    upload(app, photograph)
    assert not app.exception
    assert "does not look like a frontal chest film of children" in app.error[0].value
    assert not app.slider
    assert "Of 100 children" not in texts(app)
    app.button[0].click().run()
    assert not app.exception
    assert "shown at the reader's own choice" in app.warning[0].value
    assert "Of 100 children" in texts(app)


def test_overruling_one_model_does_not_overrule_another(app: AppTest, photograph: Path) -> None:
    upload(app, photograph)
    app.button[0].click().run()
    assert "Of 100 children" in texts(app)
    app.selectbox(key="bundle").set_value("all-ages").run()
    assert not app.exception
    assert app.error[0].value.startswith("**Not screened.**")
    assert "Of 100 children" not in texts(app)


def test_refused_films_end_the_worklist_and_are_not_counted(app: AppTest, photograph: Path) -> None:
    upload(app, photograph, *SAMPLES)
    assert f"{len(SAMPLES) + 1} films" in texts(app)
    assert "1 refused" in texts(app)
    table = app.dataframe[0].value
    assert list(table["check"]) == ["as expected"] * len(SAMPLES) + ["refused"]
    assert table["pneumonia"].isna().tolist() == [False] * len(SAMPLES) + [True]


def test_viral_is_not_asked_without_pneumonia(app: AppTest) -> None:
    normal = next(path for path in SAMPLES if path.name.startswith("NORMAL"))
    upload(app, normal)
    threshold(app, "Pneumonia").set_value(0.999).run()
    assert "not asked without pneumonia" in texts(app)


def test_a_goal_sets_the_slider(app: AppTest) -> None:
    upload(app, SAMPLES[0])
    goal = next(b for b in app.button if b.label.startswith("Specificity at least 90 %"))
    goal.click().run()
    assert threshold(app, "Pneumonia").value == float(goal.label.split(": ")[1])


def test_films_taken_away_are_forgotten(app: AppTest) -> None:
    upload(app, SAMPLES[0])
    assert len(app.session_state["films"]) == 1
    app.file_uploader(key="uploads").clear().run()
    assert len(app.session_state["films"]) == 0


def test_without_a_bundle_the_app_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundles, "WEIGHTS", tmp_path)
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=120).run()
    assert "There is no model to screen with" in app.error[0].value
    assert not app.file_uploader


def test_an_altered_bundle_is_refused_and_a_good_one_still_offered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = next(bundles.WEIGHTS.glob("*.pt"))
    for path in (good, good.with_suffix(".json")):
        shutil.copy(path, tmp_path / path.name)
        shutil.copy(path, tmp_path / f"altered{path.suffix}")
    with (tmp_path / "altered.pt").open("ab") as file:
        file.write(b"x")
    monkeypatch.setattr(bundles, "WEIGHTS", tmp_path)
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=120).run()
    assert "altered.pt" in app.error[0].value
    assert "SHA-256 differs" in app.error[0].value
    assert app.file_uploader


def test_model_page_states_use_limits_and_numbers() -> None:
    def page() -> None:
        from cxrapp.pages import model

        model.show()

    app = AppTest.from_function(page, default_timeout=120).run()
    assert not app.exception
    for words in ("Meant for", "Not meant for", "Known limits", "official test", "SHA-256"):
        assert words in texts(app)
    assert list(app.table[0].value["Measure"]) == [
        "AUROC",
        "Sensitivity",
        "Specificity",
        "Precision (PPV)",
        "Accuracy",
        "F1",
        "Calibration error",
    ]
    assert "Decision curve" not in texts(app)
    app.toggle(key="curves test").set_value(True).run()
    assert not app.exception
    for title in ("Precision and recall", "Calibration", "Scores", "Decision curve"):
        assert title in texts(app)
