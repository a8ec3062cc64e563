import gc
import os
import shutil
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from cxrapp.model.bundle import Bundle, load_bundle
from cxrapp.model.card_file import load_card
from cxrapp.server import bundles
from tests.model.small_bundle import CARD, put, script, stored
from tests.pages.steps import new_app


def screen_page() -> AppTest:
    app = new_app().run()
    assert not app.exception
    return app


def test_the_app_says_what_it_refuses_and_stays_up_with_what_is_good(
    model: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = tmp_path / "weights"
    weights.mkdir()
    put(weights, model, "good")
    put(weights, model, "newer", schema=99)
    put(weights, model, "altered").write_bytes(model[:-1] + b"x")
    put(weights, model, "cut").write_bytes(model[:1000])
    put(weights, model, "cardless").with_suffix(".json").unlink()
    put(weights, model, "lying", gate={})
    (weights / "dangling.pt").symlink_to(tmp_path / "nowhere.pt")
    shutil.move(put(weights, model, "linked"), tmp_path / "linked.pt")
    (weights / "linked.pt").symlink_to(tmp_path / "linked.pt")
    (weights / "folder.pt").mkdir()
    monkeypatch.setattr(bundles, "WEIGHTS", weights)

    app = screen_page()
    said = "\n".join(error.value for error in app.error).replace("\\", "")
    bad = {path.stem for path in weights.glob("*.pt")} - {"good"}
    assert len(app.error) == len(bad) == 8
    for name in bad:
        assert f"Not offered: {name}." in said
    assert app.selectbox(key="bundle").value == "good"
    assert app.file_uploader

    loaded: list[Path] = []
    monkeypatch.setattr(bundles, "load_card", lambda path: loaded.append(path))
    app.run()
    assert not loaded  # what was refused is not read again for every click
    monkeypatch.setattr(bundles, "load_card", load_card)
    shutil.copy(weights / "good.json", weights / "cardless.json")
    app.run()
    assert not app.exception
    assert set(app.selectbox(key="bundle").options) == {
        f"{name} model, for {CARD['population']}" for name in ("good", "cardless")
    }


def test_a_network_is_loaded_when_it_is_chosen_and_says_then_what_is_wrong_with_it(
    model: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, model, "good")
    put(tmp_path, stored(script(findings=3)), "other")
    put(tmp_path, b"no archive", "stray")
    monkeypatch.setattr(bundles, "WEIGHTS", tmp_path)
    loaded: list[str] = []

    def note_and_load(path: Path) -> Bundle:
        loaded.append(path.stem)
        return load_bundle(path)

    monkeypatch.setattr(bundles, "load_bundle", note_and_load)
    app = screen_page()
    assert loaded == ["good"] and not app.error
    for name in ("other", "stray"):
        app.selectbox(key="bundle").select(name).run()
        assert not app.exception
        assert [error.value.replace("\\", "").partition(".pt")[0] for error in app.error] == [
            f"Not offered: {name}"
        ]
    app.selectbox(key="bundle").select("good").run()
    assert app.file_uploader and not app.error
    assert loaded == ["good", "other", "stray"]


def test_what_may_be_chosen_later_is_loaded_before(
    model: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("good", "second", "third"):
        put(tmp_path, model, name)
    monkeypatch.setattr(bundles, "WEIGHTS", tmp_path)
    done: list[str | float] = []
    monkeypatch.setattr(bundles, "load_bundle", lambda path: done.append(path.stem))
    monkeypatch.setattr(bundles.time, "sleep", done.append)
    bundles.load_ahead()
    assert done == ["good", bundles.LATER, "second", "third"]


def test_what_is_loaded_is_never_looked_through_for_garbage(light_path: Path) -> None:
    """Streamlit does so after every run: the first films were scored while nothing else ran."""
    gc.unfreeze()
    bundles._load.clear()
    bundles._load(light_path)
    assert gc.get_freeze_count() > 10 * len(gc.get_objects())


def test_a_recalibrated_card_is_read_though_the_model_file_is_the_same(
    model: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(tmp_path, model)
    monkeypatch.setattr(bundles, "WEIGHTS", tmp_path)
    offered = screen_page().selectbox(key="bundle").options
    assert offered == [f"model model, for {CARD['population']}"]
    stamp = path.stat()
    put(tmp_path, model, population="adults")
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert screen_page().selectbox(key="bundle").options == ["model model, for adults"]
