"""The reading room on a laptop: what is in sight, and a worklist by mouse and by keyboard."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.steps import (
    FILM,
    MIRRORED,
    NORMAL,
    PHOTOGRAPH,
    forget,
    leave_widgets,
    opened,
    press,
    settle,
    upload,
)
from tests.places import SAMPLES

LAPTOP = {"width": 1366, "height": 768}
# What of that which belongs side by side is missing, or not wholly in sight.
OUT_OF_SIGHT = """() => ['.verdict', '[data-testid=stSlider]', '.st-key-curve-roc',
    '.st-key-curve-roc .setting [title^=this]', '.st-key-outcomes table'].filter(part => {
  const box = document.querySelector(part)?.getBoundingClientRect();
  return !box || !box.width || box.left < 0 || box.top < 0
    || box.right > innerWidth || box.bottom > innerHeight;
})"""
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


def in_sight_at_once(page: Page) -> None:
    page.wait_for_function(f"({FILM_WIDTH})() >= 520")  # a film is hidden while it is fetched
    assert page.evaluate(OUT_OF_SIGHT) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= LAPTOP["width"]


def test_film_verdict_threshold_curve_and_counts_are_in_sight_at_once(laptop: Page) -> None:
    """Also of films that are warned of, or refused and shown, and with the ward's prevalence."""
    page = laptop
    upload(page, FILM, NORMAL, PHOTOGRAPH, MIRRORED)
    page.locator(".row", has_text="photograph").click()
    page.get_by_role("button", name="Show the result").click()
    page.get_by_text("shown at the reader's own choice").wait_for()
    for film in ("photograph", "mirrored", NORMAL.name, FILM.name):
        page.locator(".row", has_text=film).click()
        settle(page)
        in_sight_at_once(page)
        press(page, "Pneumonia", "PageUp")
        settle(page)
        in_sight_at_once(page)
    for finding in ("Pneumonia", "Viral pneumonia"):
        page.get_by_role("radio", name=finding, exact=True).click()
        field = page.get_by_role("spinbutton", name=re.compile("^Of 100 "))
        field.fill("10")
        field.press("Enter")
        settle(page)
    in_sight_at_once(page)


def test_a_blinded_film_is_large_and_once_read_all_is_in_sight(laptop: Page) -> None:
    page = laptop
    upload(page, FILM)
    page.get_by_role("button", name="Options").click()
    page.get_by_text("Blinded first read").click()
    page.keyboard.press("Escape")
    page.get_by_text("Your own call first").wait_for()
    page.wait_for_function(f"({FILM_WIDTH})() >= 520")
    page.get_by_role("button", name="No (N)").click()
    page.get_by_text("Your final call?").wait_for()
    page.get_by_role("button", name="No (N)").click()
    page.get_by_text("Your reads: 1 film.").wait_for()
    settle(page)
    in_sight_at_once(page)
    page.get_by_role("button", name="Options").click()
    page.get_by_text("Blinded first read").click()
    page.keyboard.press("Escape")


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


def test_the_list_has_keys(page: Page) -> None:
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


def test_the_list_comes_whole_when_the_tour_is_closed_as_films_arrive(page: Page) -> None:
    """It stayed at five of six films, and the arrows were dead."""
    for films in (1, 4, 5):
        forget(page)
        page.goto("/")
        page.get_by_role("button", name="Try it on six sample films").click()
        page.locator(".row").nth(films - 1).wait_for()
        page.evaluate("document.addEventListener('cxrapp:stuck', () => window.stuck = true)")
        page.get_by_role("button", name="Close", exact=True).click()
        expect(page.locator(".row")).to_have_count(len(SAMPLES))
        expect(page.get_by_role("button", name="Close", exact=True)).to_have_count(0)
        settle(page)
        before = opened(page)
        page.keyboard.press("j")
        expect(page.locator(".row.selected .name b")).not_to_have_text(before)
        assert not page.evaluate("window.stuck")
