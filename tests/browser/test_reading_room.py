"""The reading room by mouse, by keyboard and by touch, and whether everybody can use it."""

import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.browser.steps import (
    BROKEN,
    FILM,
    MIRRORED,
    NORMAL,
    PHOTOGRAPH,
    leave_widgets,
    opened,
    press,
    settle,
    threshold,
    upload,
)
from tests.places import SAMPLES

LAPTOP = {"width": 1366, "height": 768}
PAGES = ("Compare models", "Your own films", "About the model")
# What of that which belongs side by side is missing, or not wholly in sight.
OUT_OF_SIGHT = """() => ['.verdict', '[data-testid=stSlider]', '.st-key-curve-roc',
    '.st-key-curve-roc .setting [title^=this]', '.st-key-outcomes table'].filter(part => {
  const box = document.querySelector(part)?.getBoundingClientRect();
  return !box || !box.width || box.left < 0 || box.top < 0
    || box.right > innerWidth || box.bottom > innerHeight;
})"""
# Words that are cut, of buttons and of what is chosen, on the page and in the viewer.
CUT = """() => [...document.querySelectorAll('[data-testid=stApp] *')]
  .flatMap(node => [node, ...(node.shadowRoot?.querySelectorAll('*') ?? [])])
  .filter(node => node.matches('button, input[role=combobox], select') && node.offsetParent
    && node.scrollWidth > node.clientWidth + 1)
  .map(node => node.innerText || node.value)"""
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


def test_a_worklist_is_worked_through_by_mouse_alone(page: Page) -> None:
    upload(page, *SAMPLES, BROKEN)
    page.get_by_role("button", name="1 file not screened").click()
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


def at(page: Page) -> str:
    """Where the slider of pneumonia is."""
    settle(page)
    return threshold(page, "Pneumonia").first.get_attribute("aria-valuetext")


def test_the_threshold_is_set_by_mouse_alone(page: Page) -> None:
    upload(page, *SAMPLES[:3])
    first = at(page)
    page.get_by_role("tab", name="By goal").click()
    page.get_by_role("combobox", name="Goal").click()
    page.get_by_role("option", name="Specificity, %").click()
    page.get_by_role("button", name=re.compile("^Use ")).click()
    specific = at(page)
    assert specific != first
    page.get_by_role("tab", name="Saved").click()
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("tab", name="Point").click()
    page.get_by_role("button", name="Back", exact=True).click()
    assert at(page) == first
    page.get_by_role("tab", name="Saved").click()
    page.get_by_role("button", name=re.compile("^Saved: ")).click()
    assert at(page) == specific
    page.get_by_role("tab", name="Abstain").click()
    expect(page.get_by_text("would be undecided")).to_be_visible()
    page.get_by_text("Leave a band below").click()
    page.get_by_role("cell", name="undecided").wait_for()
    expect(page.locator(".row .track s").first).to_be_visible()


def walk_to(page: Page, role: str, name: str) -> None:
    """With Tab alone, as somebody who has no mouse."""
    wanted = page.get_by_role(role, name=re.compile(name)).first
    for _ in range(120):
        if wanted.evaluate("node => node === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"no way to {name} by Tab")


def test_the_threshold_is_set_by_keyboard_alone(page: Page) -> None:
    upload(page, *SAMPLES[:3])
    first = at(page)
    walk_to(page, "tab", "^Point")
    page.keyboard.press("ArrowRight")
    walk_to(page, "combobox", "^Goal")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    settle(page)
    walk_to(page, "button", "^Use ")
    page.keyboard.press("Enter")
    assert at(page) != first
    walk_to(page, "tab", "^By goal")
    page.keyboard.press("ArrowRight")
    walk_to(page, "switch", "^Leave a band")
    page.keyboard.press("Space")
    page.get_by_role("cell", name="undecided").wait_for()
    walk_to(page, "tab", "^Abstain")
    page.keyboard.press("ArrowRight")
    walk_to(page, "textbox", "^Name")
    page.keyboard.type("night")
    page.keyboard.press("Enter")
    page.get_by_role("button", name=re.compile("^night: ")).wait_for()


def test_a_tablet_reads_by_touch(address: str, browser: Browser) -> None:
    context = browser.new_context(
        base_url=address, viewport={"width": 1024, "height": 768}, has_touch=True
    )
    page = context.new_page()
    page.set_default_timeout(120_000)
    upload(page, FILM, NORMAL, BROKEN)
    page.locator(".row").nth(1).tap()
    expect(page.locator(".row").nth(1)).to_have_class(re.compile("selected"))
    page.get_by_text("Film 2 of 2").first.wait_for()
    settle(page)
    first = at(page)
    page.get_by_role("tab", name="By goal").tap()
    page.get_by_role("combobox", name="Goal").tap()
    page.get_by_role("option", name="Youden's index").tap()
    for tab, button in (("By goal", "^Use "), ("Saved", "^Save$"), ("Point", "^Back$")):
        page.get_by_role("tab", name=tab).tap()
        settle(page)
        assert page.evaluate(CUT) == []
        page.get_by_role("button", name=re.compile(button)).first.tap()
    assert at(page) == first
    page.get_by_role("tab", name="Abstain").tap()
    page.get_by_text("Leave a band below").tap()
    page.get_by_role("cell", name="undecided").wait_for()
    page.get_by_role("button", name="Reviewed", exact=True).tap()
    page.get_by_text("Reviewed 1").wait_for()
    assert page.evaluate(CUT) == []
    context.close()


def test_the_list_comes_whole_when_the_tour_is_closed_as_films_arrive(page: Page) -> None:
    """It stayed at five of six films, and the arrows were dead."""
    for films in (1, 4, 5):
        page.goto("/")
        page.evaluate("sessionStorage.clear()")
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


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_nobody_is_shut_out(address: str, browser: Browser, theme: str) -> None:
    """axe-core's serious and critical rules, on every page."""
    page = browser.new_page(base_url=address, viewport=LAPTOP, color_scheme=theme)
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
