"""Whether everybody can use the pages, by axe-core."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.browser.steps import settle
from tests.places import SAMPLES

PAGES = ("Compare models", "Your own films", "About the model")


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_nobody_is_shut_out(address: str, browser: Browser, theme: str) -> None:
    """axe-core's serious and critical rules, on every page."""
    page = browser.new_page(
        base_url=address, viewport={"width": 1366, "height": 768}, color_scheme=theme
    )
    page.set_default_timeout(120_000)
    page.goto("/")
    page.get_by_role("button", name="Try it on six sample films").wait_for()
    settle(page)
    faults = _faults(page, "Welcome")
    page.get_by_role("button", name="Try it on six sample films").click()
    page.get_by_text(f"{len(SAMPLES)} films", exact=True).wait_for()
    settle(page)
    faults += _faults(page, "Screen films")
    for name in PAGES:
        page.get_by_role("link", name=name).click()
        page.wait_for_timeout(1500)
        settle(page)
        faults += _faults(page, name)
    page.close()
    assert faults == []


def _faults(page: Page, name: str) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [
        f"{name}: {one['id']}: {node['html'][:160]}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]
