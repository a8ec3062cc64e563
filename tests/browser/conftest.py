from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.load.server import serve


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    with serve() as server:
        yield server.address


@pytest.fixture(scope="session")
def page(address: str, browser: Browser) -> Iterator[Page]:
    """One page for all tests; an error in the browser's own code fails the last of them."""
    errors = []
    page = browser.new_page(base_url=address, viewport={"width": 1440, "height": 1400})
    page.set_default_timeout(120_000)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto("/")
    yield page
    assert not errors
