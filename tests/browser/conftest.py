from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.steps import forget
from tests.load.server import Server

expect.set_options(timeout=60_000)


@pytest.fixture(scope="session")
def address(live_server: Server) -> str:
    return live_server.address


@pytest.fixture(scope="session")
def tab(address: str, browser: Browser) -> tuple[Page, list[str]]:
    """One page for all tests, as its scripts take a while to load, and the errors in them."""
    errors: list[str] = []
    page = browser.new_page(base_url=address, viewport={"width": 1440, "height": 1400})
    page.set_default_timeout(120_000)
    page.on("pageerror", lambda error: errors.append(str(error)))
    return page, errors


@pytest.fixture
def page(tab: tuple[Page, list[str]]) -> Iterator[Page]:
    """The page; an error in the browser's own code fails the test that it comes up in."""
    page, errors = tab
    errors.clear()
    forget(page)
    yield page
    assert not errors
