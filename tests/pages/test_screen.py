import csv
import io
import json
import zipfile
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from cxrapp.model.bundle import Bundle
from cxrapp.panels import exports
from cxrapp.runtime.network_queue import NetworkQueue
from cxrapp.server import bundles
from cxrapp.session.film import Film
from cxrapp.session.worklist import Worklist
from tests.films.dicom_maker import make, png
from tests.pages.steps import (
    NORMAL,
    OPENED,
    counts,
    curves_shown,
    outcomes_shown,
    photograph,
    press,
    session,
    settle,
    texts,
    threshold,
    upload,
    verdict,
)
from tests.places import SAMPLES


def test_first_screen_shows_a_result_one_click_away(app: AppTest) -> None:
    assert OPENED not in texts(app)
    assert "not a diagnosis" in texts(app)
    press(app, "samples")
    settle(app)
    assert OPENED in texts(app)
    assert f"{len(SAMPLES)} films" in counts(app)


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
    assert "cut off or damaged" in texts(app)
    assert "\\<b\\>" in next(one.value for one in app.markdown if "cut off" in one.value)
    assert "2 films" in counts(app)
    press(app, "close rejections")
    assert "cut off or damaged" not in texts(app)
    table = exports.table(session(app), bundles.open_bundle("pneumonia"), [], identified=True)
    assert "broken<b>.png" in table  # the message is gone, the file is still accounted for
    hidden = exports.table(session(app), bundles.open_bundle("pneumonia"), [], identified=False)
    assert "broken" not in hidden and "unread file 1" in hidden


def test_the_table_says_whose_films_they_are_only_where_asked(app: AppTest) -> None:
    tags = {"PatientID": "=9", "PatientBirthDate": "20200131", "AccessionNumber": "ACC-1"}
    grey = np.asarray(Image.open(SAMPLES[0]).convert("L"))
    upload(app, ("film.dcm", make(grey, StudyDate="20230201", PatientAge="003Y", **tags)))
    here, bundle = session(app), bundles.open_bundle("pneumonia")
    films = list(here.worklist.films.values())
    (row, _) = csv.DictReader(io.StringIO(exports.table(here, bundle, films, identified=True)))
    assert (row["patient"], row["patient_id"]) == ("Not^Shown", "'=9")
    assert (row["birth_date"], row["study_date"]) == ("20200131", "20230201")
    assert row["accession"] == "ACC-1"
    hidden = exports.table(here, bundle, films, identified=False)
    assert not [
        word for word in ("Shown", "=9", "2020", "2023", "ACC", "film.dcm") if word in hidden
    ]


def test_threshold_moves_everything_without_running_the_network(
    app: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload(app, NORMAL)
    monkeypatch.setattr(NetworkQueue, "turn", None)  # every pass waits for its turn first
    threshold(app, "Pneumonia").set_value(0.1).run()
    low, low_outcomes, low_curves = texts(app), outcomes_shown(app), curves_shown(app)
    assert "▲ positive" in verdict(app, "Pneumonia") and "Positive 1" in counts(app)
    threshold(app, "Pneumonia").set_value(99.9).run()
    assert not app.exception
    assert "○ negative" in verdict(app, "Pneumonia") and "Negative 1" in counts(app)
    card = bundles.offered_cards()["pneumonia"]
    default = card.default_thresholds()["pneumonia"]
    assert f"below the {100 * default:.1f} % chosen on validation films" in low
    assert outcomes_shown(app) != low_outcomes
    moved = [before != after for before, after in zip(low_curves, curves_shown(app), strict=True)]
    assert moved == [True, True, True]
    assert session(app).setting(card, "pneumonia").threshold == 0.999


def test_a_refused_film_shows_no_result_until_the_reader_insists(app: AppTest) -> None:
    upload(app, photograph())
    assert "does not look like a frontal chest film" in texts(app)
    assert not verdict(app, "Pneumonia")
    press(app, "overrule")
    assert "shown at the reader's own choice" in texts(app)
    assert " %" in verdict(app, "Pneumonia")
    press(app, "undo overrule")
    assert "Not screened" in texts(app) and not verdict(app, "Pneumonia")


def test_overruling_one_model_does_not_overrule_another(app: AppTest) -> None:
    upload(app, photograph())
    press(app, "overrule")
    app.selectbox(key="bundle").set_value("all-ages").run()
    settle(app)
    assert "✕ Not screened." in texts(app)
    assert not verdict(app, "Pneumonia")


def test_refused_films_nobody_has_seen_stand_first_and_are_counted_apart(app: AppTest) -> None:
    upload(app, photograph(), *SAMPLES)
    assert {f"{len(SAMPLES) + 1} films", "Refused 1"} <= set(counts(app))
    assert session(app).order[0] == "0"
    press(app, "reviewed")
    assert session(app).order[-1] == "0"


def test_an_archive_of_dicom_and_png_films_is_one_upload(app: AppTest) -> None:
    pixels = np.asarray(Image.open(SAMPLES[0]).convert("L"))
    other = np.asarray(Image.open(SAMPLES[1]).convert("L"))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a/film", make(pixels, PatientAge="003Y", ViewPosition="AP"))
        archive.writestr("b/film.png", png(other))
    upload(app, ("night.zip", buffer.getvalue()))
    assert "2 films" in counts(app)


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


def test_removed_films_are_forgotten(app: AppTest, bundle: Bundle) -> None:
    upload(app, SAMPLES[0])
    here = session(app)
    (film,) = here.worklist.films.values()
    here.reviewed.add(film.key)
    assert here.drawn and here.worklist.result(film, bundle)
    app.toggle(key="clear").set_value(True).run()
    next(b for b in app.button if b.label.startswith("Remove 1 films")).click().run()
    assert not app.exception
    assert not (here.worklist.films or here.drawn or here.sent or here.reviewed)
    assert here.worklist.result(film, bundle) is None
    assert OPENED not in texts(app)


def test_the_open_film_is_the_one_that_is_exported(
    app: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: dict[str, tuple[Callable[[], bytes], str]] = {}

    def keep(label: str, data: Callable[[], bytes], name: str, *_: str, **options: object) -> None:
        made[options["key"]] = (data, name)

    monkeypatch.setattr(exports.st, "download_button", keep)
    upload(app, *SAMPLES)
    for key in (None, session(app).order[2]):
        session(app).opened = key
        app.run()
        film = session(app).worklist.films[session(app).current]
        assert f"File: **{film.name}**" in texts(app)
        data, name = made["export json"]
        (written,) = json.loads(data())["films"]
        assert written["film"] == film.fingerprint
        assert name == f"cxrapp-film-{int(film.key) + 1}.json"
