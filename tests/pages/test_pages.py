import io
import shutil
import zipfile
from pathlib import Path

import pytest

from cxrapp.model.bundle import Bundle
from cxrapp.model.script import has_bfloat16
from cxrapp.server import bundles
from tests.pages.steps import new_app, open_page, press, session, settle, texts
from tests.places import SAMPLES


def test_without_a_bundle_the_app_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundles, "WEIGHTS", tmp_path)
    app = new_app().run()
    assert "There is no model to screen with" in texts(app)
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
    app = new_app().run()
    assert "altered.pt" in texts(app)
    assert "SHA-256 differs" in texts(app)
    assert app.file_uploader


def test_model_page_states_use_limits_and_numbers() -> None:
    app = open_page("model")
    for words in ("Meant for", "Not meant for", "Known limits", "official test", "SHA-256"):
        assert words in texts(app)
    speed = next(text.value for text in app.caption if "one film takes" in text.value)
    assert "In bfloat16, 0 of " in speed
    assert (", in bfloat16, as" in speed) == has_bfloat16()
    assert list(app.table[0].value["Measure"]) == [
        "AUROC",
        "Sensitivity",
        "Specificity",
        "Precision (PPV)",
        "Accuracy",
        "F1",
        "Calibration in the large (log-odds; 0 is true)",
        "Calibration slope (1 is true)",
        "Calibration error",
    ]
    assert "Decision curve" not in texts(app)
    app.toggle(key="curves test").set_value(True).run()
    assert not app.exception
    for title in ("Precision and recall", "Calibration", "Scores", "Decision curve"):
        assert title in texts(app)


def test_model_page_shows_ten_films_that_count_and_ten_that_do_not() -> None:
    app = open_page("model")
    assert len(app.get("image")) == 20
    captions = [text.value for text in app.caption]
    for said, count in {"Accepted.": 10, "Refused.": 8, "Warned of.": 2}.items():
        assert sum(said in caption for caption in captions) == count
    assert any("CC BY 4.0" in caption for caption in captions)


def test_model_page_shows_maps_of_random_weights() -> None:
    app = open_page("model")
    app.toggle(key="sanity").set_value(True).run()
    assert not app.exception
    assert "rank correlation with the true map over ten draws" in texts(app)


def test_two_models_are_compared_on_the_films_of_the_worklist(bundle: Bundle) -> None:
    app = open_page("compare")
    session(app).worklist.add(bundle, [(path.name, path.read_bytes()) for path in SAMPLES[:2]])
    settle(app)
    settle(app)  # the other model has now been asked as well
    assert "of 2 films" in texts(app)
    assert list(app.dataframe[0].value["film"]) and len(app.dataframe[0].value) == 2
    press(app, "match pneumonia")
    other = bundles.offered_cards()["all-ages"]
    changed = session(app).setting(other, "pneumonia").threshold
    assert changed != other.default_thresholds()["pneumonia"]


def test_labelled_films_of_a_site_give_a_report(kermany: Path) -> None:
    app = open_page("site")
    assert "How does the model do here?" in texts(app)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for folder in ("NORMAL", "PNEUMONIA"):
            for path in sorted((kermany / "test" / folder).glob("*"))[:60:4]:
                archive.write(path, f"{folder}/{path.name}")
    app.file_uploader[0].set_value([("ours.zip", buffer.getvalue(), "application/zip")]).run()
    session(app).site.wait()
    app.run()
    assert not app.exception
    assert "30 films of 30 patients are labelled for pneumonia" in texts(app)
    assert "AUROC" in texts(app)
    assert "cannot carry a threshold of their own" in texts(app)
    assert not [b for b in app.button if b.label.startswith("Screen with")]
    session(app).site.given_up = 2
    assert "Stopped before 2 of your files were screened" in texts(app.run())


def test_a_table_that_cannot_be_used_is_refused_before_any_film_is_screened() -> None:
    app = open_page("site")
    sheet = ("labels.csv", b"name;sick\nx.png;1\n", "text/csv")
    film = (SAMPLES[0].name, SAMPLES[0].read_bytes(), "image/jpeg")
    app.file_uploader[0].set_value([sheet, film]).run()
    assert not app.exception
    assert "no column is named \\`file\\`" in app.error[0].value
    assert session(app).sheet is None and session(app).site.progress is None
    assert not session(app).site.films
