"""The reading room by mouse, by keyboard and by touch, and whether everybody can use it."""

import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.browser.steps import BROKEN, FILM, NORMAL, leave_widgets, opened, press, settle, upload
from tests.places import SAMPLES

LAPTOP = {"width": 1366, "height": 768}
PAGES = ("Compare models", "Your own films", "About the model")
# What must be in sight at once, by where its lower edge is.
LOWEST = """() => Math.max(...['.st-key-outcomes', '.st-key-curve-roc', '.list'].map(
  part => document.querySelector(part)?.getBoundingClientRect().bottom ?? 0))"""
FILM_WIDTH = """() => document.querySelector('.st-key-viewer .stBidiComponent *')?.getRootNode()
  && [...document.querySelectorAll('*')].flatMap(node => node.shadowRoot
    ? [...node.shadowRoot.querySelectorAll('.pane canvas')] : [])
  .concat([...document.querySelectorAll('.pane canvas')])
  .map(canvas => canvas.getBoundingClientRect().width).sort((a, b) => b - a)[0]"""


@pytest.fixture
def laptop(page: Page) -> Iterator[Page]:
    before = page.viewport_size
    page.set_viewport_size(LAPTOP)
    yield page
    page.set_viewport_size(before)


def test_film_verdict_threshold_curve_and_counts_are_in_sight_at_once(laptop: Page) -> None:
    page = laptop
    upload(page, FILM, NORMAL)
    for film in (FILM.name, NORMAL.name):
        page.locator(".row", has_text=film).click()
        settle(page)
        assert page.evaluate(LOWEST) <= LAPTOP["height"]
        page.wait_for_function(f"({FILM_WIDTH})() >= 520")  # a film is hidden while it is fetched
        press(page, "Pneumonia", "PageUp")
        settle(page)
        assert page.evaluate(LOWEST) <= LAPTOP["height"]
    assert page.evaluate("document.documentElement.scrollWidth") <= LAPTOP["width"]


def test_ten_films_and_more_are_listed_on_a_laptop(laptop: Page) -> None:
    upload(laptop, FILM, NORMAL)
    rows = laptop.locator(".row").evaluate_all("all => all.map(one => one.offsetHeight)")
    height = laptop.locator(".list").evaluate("list => list.clientHeight")
    assert height / max(rows) >= 10


def test_what_was_not_asked_has_no_number_bar_or_map(page: Page) -> None:
    upload(page, NORMAL)
    press(page, "Pneumonia", "End")
    page.get_by_text("not asked: only if pneumonia").wait_for()
    expect(page.locator(".row .finding")).to_have_count(1)
    expect(page.locator(".pane")).to_have_count(2)  # the film, and pneumonia's map


def test_a_worklist_is_worked_through_by_mouse_alone(page: Page) -> None:
    upload(page, *SAMPLES, BROKEN)
    page.get_by_role("button", name="1 file was not screened").click()
    page.get_by_text("broken.png").wait_for()
    page.mouse.click(4, 300)
    page.get_by_role("button", name="Close", exact=True).first.click()
    page.get_by_role("button", name="Reviewed", exact=True).click()
    page.get_by_role("button", name="✓ Undo").click()  # taken back
    page.get_by_role("button", name="Reviewed", exact=True).click()
    page.get_by_text("Reviewed 1").click()  # the count leads to its film
    expect(page.locator(".row")).to_have_count(1)
    page.get_by_text(f"{len(SAMPLES)} films", exact=True).click()
    expect(page.locator(".row")).to_have_count(len(SAMPLES))
    gone = opened(page)
    page.get_by_role("button", name="This film").click()
    page.get_by_role("button", name="No (N)").click()
    page.get_by_text("False alarms, you say 1").wait_for()
    page.get_by_role("button", name="Remove this film").click()
    expect(page.locator(".row")).to_have_count(len(SAMPLES) - 1)
    expect(page.locator(".row", has_text=gone)).to_have_count(0)


def test_a_worklist_is_worked_through_by_keyboard_alone(page: Page) -> None:
    upload(page, *SAMPLES[:3])
    leave_widgets(page)
    first = opened(page)
    page.keyboard.press("r")
    page.get_by_text("Reviewed 1").wait_for()
    expect(page.locator(".row.selected .name b")).not_to_have_text(first)
    page.keyboard.press("ArrowUp")
    expect(page.locator(".row.selected .name b")).to_have_text(first)
    page.keyboard.press("n")
    page.get_by_text(re.compile("False alarms, you say 1|Negative")).first.wait_for()
    page.keyboard.press("?")
    expect(page.get_by_text("Reviewed, and on to the next")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_text("Reviewed, and on to the next")).to_be_hidden()


def test_films_outlast_a_reload_and_a_removed_one_does_not_come_back(page: Page) -> None:
    upload(page, FILM, NORMAL)
    leave_widgets(page)
    page.keyboard.press("r")
    page.get_by_text("Reviewed 1").wait_for()
    page.reload()
    page.get_by_text("2 films").first.wait_for()
    page.get_by_text("Reviewed 1").wait_for()
    page.get_by_role("button", name="Options").click()
    page.get_by_text("Remove all films").click()
    page.get_by_role("button", name="Remove 2 films").click()
    page.get_by_role("button", name="Try it on six sample films").wait_for()
    page.keyboard.press("Escape")


def test_a_tablet_reads_by_touch(address: str, browser: Browser) -> None:
    context = browser.new_context(
        base_url=address, viewport={"width": 1024, "height": 768}, has_touch=True
    )
    page = context.new_page()
    page.set_default_timeout(120_000)
    upload(page, FILM, NORMAL)
    page.locator(".row").nth(1).tap()
    expect(page.locator(".row").nth(1)).to_have_class(re.compile("selected"))
    page.get_by_text("Film 2 of 2").first.wait_for()
    settle(page)
    page.get_by_role("tab", name="By goal").tap()
    page.get_by_role("button", name=re.compile("^Balanced")).first.tap()
    settle(page)
    page.get_by_role("button", name="Reviewed", exact=True).tap()
    page.get_by_text("Reviewed 1").wait_for()
    cut = page.locator("[data-testid=stMain] button").evaluate_all(
        "all => all.filter(one => one.scrollWidth > one.clientWidth + 1).map(one => one.innerText)"
    )
    assert not cut
    context.close()


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_nobody_is_shut_out(address: str, browser: Browser, theme: str) -> None:
    """axe-core's serious and critical rules, on every page."""
    page = browser.new_page(base_url=address, viewport=LAPTOP, color_scheme=theme)
    page.set_default_timeout(120_000)
    page.goto("/")
    page.get_by_role("button", name="Try it on six sample films").click()
    page.get_by_text(f"{len(SAMPLES)} films", exact=True).wait_for()
    settle(page)
    faults = _faults(page, "Screen films")
    for name in PAGES:
        page.get_by_role("link", name=name).click()
        page.wait_for_timeout(1500)
        settle(page)
        faults += _faults(page, name)
    page.close()
    assert not faults


def _faults(page: Page, name: str) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [
        f"{name}: {one['id']}: {node['html'][:160]}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]
