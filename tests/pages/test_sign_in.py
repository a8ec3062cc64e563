import importlib.util
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from cxrapp.pages import sign_in
from tests.pages.steps import new_app, texts

SECTION = {
    "redirect_uri": "https://cxr.hospital.example/oauth2callback",
    "cookie_secret": "k" * 32,
    "client_id": "cxrapp",
    "client_secret": "s",
    "server_metadata_url": "https://login.hospital.example/.well-known/openid-configuration",
}
WORDS = ["pneumonia", "Screen", "Compare", "model"]  # of the pages behind the door


def reader(**claims: Any) -> dict[str, Any]:
    claims = {"email": "a.reader@Hospital.example", "iat": time.time() - 60} | claims
    return {"is_logged_in": True} | claims


def open_app(section: Any = None, user: dict[str, Any] | None = None) -> AppTest:
    app = new_app()
    app.user = user or {}
    if section is not None:
        app.secrets["auth"] = section
    app.run()
    assert not app.exception
    return app


def is_open(app: AppTest) -> bool:
    return any(one.key.startswith("uploads") for one in app.file_uploader)


def assert_closed(app: AppTest) -> None:
    assert not is_open(app)
    assert not app.selectbox
    assert not [word for word in WORDS if word in texts(app)]


def test_without_a_secrets_file_nothing_changes(caplog: pytest.LogCaptureFixture) -> None:
    app = open_app()
    assert is_open(app)
    assert not app.error and not app.warning
    assert not [one for one in app.button if one.label.startswith("Sign")]
    assert "secret" not in caplog.text


def test_secrets_of_another_kind_leave_the_door_open() -> None:
    app = new_app()
    app.secrets["other"] = {"key": "value"}
    assert is_open(app.run())


def test_a_stranger_sees_a_button_and_no_more() -> None:
    app = open_app(SECTION)
    assert_closed(app)
    assert [one.label for one in app.button] == ["Sign in"]


def test_whoever_has_signed_in_sees_the_pages() -> None:
    assert is_open(open_app(SECTION, reader()))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"client_id": ""}, "[auth] in secrets.toml lacks client_id."),
        (dict.fromkeys(SECTION, ""), "lacks redirect_uri and cookie_secret and client_id"),
        ({"cookie_secret": "k" * 31}, "cookie_secret in secrets.toml is shorter than 32"),
        ({"allowed": "@hospital.example"}, "allowed in secrets.toml is not a list"),
        ({"allowed": ["hospital.example"]}, "allowed in secrets.toml is not a list"),
    ],
)
def test_a_faulty_section_closes_the_app_in_one_sentence(
    change: dict[str, Any], reason: str
) -> None:
    app = open_app(SECTION | change, reader())
    assert_closed(app)
    assert len(app.error) == 1 and reason in texts(app)
    assert not app.button


@pytest.mark.parametrize("section", ["on", {}])
def test_a_section_without_content_closes_the_app(section: object) -> None:
    app = open_app(section, reader())
    assert_closed(app)
    assert app.error


@pytest.fixture
def secrets_file(tmp_path: Path) -> Iterator[Path]:
    """Where the app looks for secrets.toml, for one test."""
    path, before = tmp_path / "secrets.toml", st.get_option("secrets.files")
    st.config.set_option("secrets.files", [str(path)])
    yield path
    st.config.set_option("secrets.files", before)


def test_a_damaged_secrets_file_closes_the_app(secrets_file: Path) -> None:
    secrets_file.write_text("[auth\n")
    app = open_app(user=reader())
    assert_closed(app)
    assert app.error and "secrets.toml cannot be read" in texts(app)


def test_a_missing_package_closes_the_app(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        sign_in, "find_spec", lambda name: None if name == "authlib" else found(name)
    )
    app = open_app(SECTION, reader())
    assert_closed(app)
    assert app.error and "the Python package authlib is not installed" in texts(app)


@pytest.mark.parametrize(
    ("allowed", "claims"),
    [
        (["@hospital.example"], {}),
        (["@other.example", "A.Reader@hospital.example"], {}),
        (["@hospital.example"], {"email_verified": True}),
    ],
)
def test_the_invited_come_in(allowed: list[str], claims: dict[str, Any]) -> None:
    assert is_open(open_app(SECTION | {"allowed": allowed}, reader(**claims)))


@pytest.mark.parametrize(
    ("allowed", "claims", "reason"),
    [
        ([], {}, "a.reader@hospital.example may not use this app."),
        (["@other.example"], {}, "may not use this app."),
        (["@example"], {}, "may not use this app."),
        (["reader@hospital.example"], {}, "may not use this app."),
        (["@hospital.example"], {"email": "x@hospital.example.evil"}, "may not use this app."),
        (["@hospital.example"], {"email": None}, "An account without an e-mail address"),
        (["@hospital.example"], {"email_verified": False}, "has not verified"),
    ],
)
def test_others_with_an_account_stay_outside(
    allowed: list[str], claims: dict[str, Any], reason: str
) -> None:
    app = open_app(SECTION | {"allowed": allowed}, reader(**claims))
    assert_closed(app)
    assert reason in texts(app)
    assert "Sign out" in [one.label for one in app.button]


@pytest.mark.parametrize(
    "issued", [time.time() - sign_in.LONGEST - 60, 0], ids=["yesterday", "never"]
)
def test_a_sign_in_ends_with_the_shift(issued: float) -> None:
    app = open_app(SECTION, reader(iat=issued))
    assert_closed(app)
    assert "more than 12 hours ago" in texts(app)
