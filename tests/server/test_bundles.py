import os
import shutil
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from cxrapp.model.bundle import load_bundle
from cxrapp.server import bundles
from tests.model.small_bundle import CARD, put, script, stored
from tests.places import ROOT


def screen_page() -> AppTest:
    app = AppTest.from_file(str(ROOT / "streamlit_app.py"), default_timeout=120).run()
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
    put(weights, stored(script(findings=3)), "other")
    put(weights, b"no archive", "odd")
    (weights / "dangling.pt").symlink_to(tmp_path / "nowhere.pt")
    shutil.move(put(weights, model, "linked"), tmp_path / "linked.pt")
    (weights / "linked.pt").symlink_to(tmp_path / "linked.pt")
    (weights / "folder.pt").mkdir()
    monkeypatch.setattr(bundles, "WEIGHTS", weights)

    app = screen_page()
    said = "\n".join(error.value for error in app.error).replace("\\", "")
    bad = {path.stem for path in weights.glob("*.pt")} - {"good"}
    assert len(app.error) == len(bad) == 10
    for name in bad:
        assert f"Not offered: {name}." in said
    assert app.selectbox(key="bundle").value == "good"
    assert app.file_uploader

    loaded: list[Path] = []
    monkeypatch.setattr(bundles, "load_bundle", lambda path: loaded.append(path))
    app.run()
    assert not loaded  # what was refused is not read again for every click
    monkeypatch.setattr(bundles, "load_bundle", load_bundle)
    shutil.copy(weights / "good.json", weights / "cardless.json")
    app.run()
    assert not app.exception
    assert set(app.selectbox(key="bundle").options) == {
        f"{name} model, for {CARD['population']}" for name in ("good", "cardless")
    }


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
