"""A night in the archive: from the start of the app to results that stand beside the films."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.archive.films import ROOT, film
from tests.archive.orthanc import Orthanc
from tests.load.server import serve


@pytest.fixture
def page(orthanc: Orthanc, browser: Browser) -> Iterator[Page]:
    orthanc.receive(
        film(1, hours=2, sample=2, side=400),
        film(2, hours=5, sample=0, side=400),
        film(3, hours=24 * 40, sample=2, side=400, PatientID="K-00001"),
    )
    with serve(environment={"CXR_PACS_URL": orthanc.url}) as server:
        page = browser.new_page(base_url=server.address, viewport={"width": 1440, "height": 1000})
        page.set_default_timeout(120_000)
        page.goto("/")
        yield page
        page.close()


def test_last_nights_films_are_two_clicks_away_and_results_go_back(
    page: Page, orthanc: Orthanc
) -> None:
    page.get_by_role("button", name="Open from the archive").click()
    listed = page.locator(".st-key-archive-list")
    expect(listed.get_by_text("no result yet")).to_have_count(2)
    expect(listed).not_to_contain_text("Kind")  # nobody asked for names
    page.get_by_role("button", name="Open all 2 films").click()
    expect(page.locator(".row")).to_have_count(2)

    page.get_by_role("button", name="Export").click()
    page.get_by_role("button", name="Send to the archive").click()
    page.get_by_text("The results of 1 film are in the archive.").wait_for()
    reports = [tags for tags in orthanc.instances().values() if tags.get("SeriesNumber") != "1"]
    assert reports
    page.keyboard.press("Escape")

    page.get_by_role("button", name="Open from the archive").click()
    expect(listed.get_by_text(re.compile("^In the archive: "))).to_have_count(1)
    # The earlier film of the same child comes along.
    row = listed.get_by_role("button", name="Open")
    expect(row).to_have_count(2)
    page.get_by_text("Any time").click()
    expect(row).to_have_count(3)
    page.get_by_label("Patient").fill("K-00001")
    page.get_by_label("Patient").press("Enter")
    expect(row).to_have_count(2)
    listed.get_by_text("no result yet").first.wait_for()
    row.first.click()
    expect(page.locator(".row")).to_have_count(3)
    expect(page.locator(".row", has_text="prior ")).to_have_count(1)
    assert f"{ROOT}.1" in str(orthanc.rest("studies?expand"))


def test_an_archive_that_is_away_is_said_and_asked_again(page: Page, orthanc: Orthanc) -> None:
    orthanc.stop()
    try:
        page.get_by_role("button", name="Open from the archive").click()
        page.get_by_text("The archive cannot be reached.").wait_for()
    finally:
        orthanc.start()
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".st-key-archive-list").get_by_text("no result yet")).to_have_count(2)
