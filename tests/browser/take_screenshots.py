"""Every page of the real app as a picture in docs/: `make screenshots`."""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.places import ROOT, SAMPLES

DOCS = ROOT / "docs"
LAPTOP = {"width": 1366, "height": 768}
OTHERS = ({"width": 1024, "height": 768}, {"width": 1920, "height": 1080})


@pytest.fixture(params=["dark", "light"])
def theme(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def open_page(address: str, browser: Browser, theme: str) -> Iterator[Page]:
    page = browser.new_page(base_url=address, viewport=LAPTOP, color_scheme=theme)
    page.set_default_timeout(120_000)
    page.goto("/")
    yield page
    page.close()


def settle(page: Page) -> None:
    """Until nothing is running and what came last is drawn."""
    page.wait_for_timeout(1500)
    page.get_by_test_id("stStatusWidget").wait_for(state="detached")
    page.wait_for_timeout(1000)


def shoot(page: Page, name: str, theme: str, **size: int) -> None:
    """Args: size: Width and height in pixels, where they are not the laptop's."""
    page.set_viewport_size(LAPTOP | size)
    settle(page)
    suffix = "" if theme == "dark" else f"-{theme}"
    page.screenshot(path=DOCS / f"{name}{suffix}.png")
    page.set_viewport_size(LAPTOP)


def site_films(kermany: Path) -> dict:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for folder in ("NORMAL", "PNEUMONIA"):
            for path in sorted((kermany / "test" / folder).glob("*"))[:160:4]:
                file.write(path, f"{folder}/{path.name}")
    return {"name": "ours.zip", "mimeType": "application/zip", "buffer": buffer.getvalue()}


def test_screen(open_page: Page, theme: str) -> None:
    page = open_page
    page.get_by_role("button", name="Try it on six sample films").wait_for()
    if theme == "dark":
        shoot(page, "welcome", theme)
    page.get_by_role("button", name="Try it on six sample films").click()
    page.get_by_text(f"{len(SAMPLES)} films", exact=True).wait_for()
    page.get_by_role("button", name="Close").click()
    page.mouse.move(0, 0)
    shoot(page, "screen", theme)
    for size in OTHERS:
        shoot(page, f"screen-{size['width']}", theme, **size)


@pytest.mark.parametrize("theme", ["dark"], indirect=True)
def test_other_pages(open_page: Page, theme: str, kermany: Path) -> None:
    page = open_page
    page.get_by_role("button", name="Try it on six sample films").click()
    page.get_by_text(f"{len(SAMPLES)} films", exact=True).wait_for()
    page.get_by_role("link", name="Compare models").click()
    page.get_by_text("the decision changes on").first.wait_for()
    shoot(page, "compare", theme, height=1000)
    page.get_by_role("link", name="About the model").click()
    page.get_by_text("official test").first.wait_for()
    shoot(page, "model", theme, height=1000)
    page.get_by_role("link", name="Your own films").click()
    page.locator("input[type=file]").first.set_input_files(site_films(kermany))
    page.get_by_role("button", name="Settings file").wait_for()
    shoot(page, "site", theme, height=1000)
