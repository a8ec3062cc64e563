"""Signing in and out with a real provider on this machine."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.provider import CLIENT, SECRET, Provider, provide
from tests.load.server import serve

WHO = {"email": "reader@hospital.example", "email_verified": True}


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with provide() as provider:
        yield provider


@pytest.fixture(scope="module")
def closed_app(provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an app that asks everybody to sign in."""
    secrets = tmp_path_factory.mktemp("secrets") / "secrets.toml"
    secrets.write_text(
        f"""[auth]
redirect_uri = "http://127.0.0.1:{{port}}/oauth2callback"
cookie_secret = "{"k" * 32}"
client_id = "{CLIENT}"
client_secret = "{SECRET}"
server_metadata_url = "{provider.address}/.well-known/openid-configuration"
allowed = ["@hospital.example"]
"""
    )
    with serve("--secrets.files", str(secrets)) as server:
        yield server.address


@pytest.fixture
def visitor(browser: Browser, closed_app: str) -> Iterator[Page]:
    with browser.new_context(base_url=closed_app) as context:
        page = context.new_page()
        page.set_default_timeout(120_000)
        yield page


def enter(page: Page) -> None:
    page.get_by_role("button", name="Sign in", exact=True).click()


def uploader(page: Page) -> Locator:
    return page.get_by_test_id("stFileUploaderDropzone").first


@pytest.mark.parametrize("path", ["/", "/model", "/sign-out"])
def test_no_address_leads_past_the_door(visitor: Page, path: str) -> None:
    visitor.goto(path)
    expect(visitor.get_by_role("button", name="Sign in")).to_be_visible()
    assert "pneumonia" not in visitor.content().casefold()
    assert "About the model" not in visitor.content()


def test_a_reader_signs_in_and_out(visitor: Page, provider: Provider) -> None:
    provider.claims = WHO
    visitor.goto("/")
    enter(visitor)
    expect(uploader(visitor)).to_be_visible()
    visitor.get_by_role("link", name="Sign out").click()
    expect(visitor.get_by_text(WHO["email"])).to_be_visible()
    left = provider.left
    visitor.get_by_role("button", name="Sign out").click()
    expect(visitor.get_by_role("button", name="Sign in")).to_be_visible()
    assert provider.left == left + 1
    visitor.goto("/")
    expect(visitor.get_by_role("button", name="Sign in")).to_be_visible()
    assert not uploader(visitor).is_visible()


def test_an_uninvited_account_stays_outside(visitor: Page, provider: Provider) -> None:
    provider.claims = WHO | {"email": "reader@other.example"}
    visitor.goto("/")
    enter(visitor)
    expect(visitor.get_by_text("reader@other.example may not use this app.")).to_be_visible()
    assert not uploader(visitor).is_visible()


def test_a_forged_cookie_opens_nothing(visitor: Page, closed_app: str) -> None:
    visitor.goto("/")
    forged = {"name": "_streamlit_user", "value": "eyJpc19sb2dnZWRfaW4iOnRydWV9.x.y"}
    visitor.context.add_cookies([forged | {"url": closed_app}])
    visitor.goto("/")
    expect(visitor.get_by_role("button", name="Sign in")).to_be_visible()
    assert not uploader(visitor).is_visible()
