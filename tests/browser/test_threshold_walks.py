"""The threshold by mouse, by keyboard and by touch."""

import re

from playwright.sync_api import Browser, Page, expect

from tests.browser.steps import BROKEN, FILM, NORMAL, settle, threshold, upload
from tests.places import SAMPLES

# Words that are cut, of buttons and of what is chosen, on the page and in the viewer.
CUT = """() => [...document.querySelectorAll('[data-testid=stApp] *')]
  .flatMap(node => [node, ...(node.shadowRoot?.querySelectorAll('*') ?? [])])
  .filter(node => node.matches('button, input[role=combobox], select') && node.offsetParent
    && node.scrollWidth > node.clientWidth + 1)
  .map(node => node.innerText || node.value)"""


def expect_at(page: Page, words: str | re.Pattern[str]) -> None:
    expect(threshold(page, "Pneumonia").first).to_have_attribute("aria-valuetext", words)


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
    expect_at(page, re.compile(f"^(?!{re.escape(first)})"))
    specific = at(page)
    page.get_by_role("tab", name="Saved").click()
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("tab", name="Point").click()
    page.get_by_role("button", name="Back", exact=True).click()
    expect_at(page, first)
    page.get_by_role("tab", name="Saved").click()
    page.get_by_role("button", name=re.compile("^Saved: ")).click()
    expect_at(page, specific)
    page.get_by_role("tab", name="Undecided").click()
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
    expect_at(page, re.compile(f"^(?!{re.escape(first)})"))
    walk_to(page, "tab", "^By goal")
    page.keyboard.press("ArrowRight")
    walk_to(page, "switch", "^Leave a band")
    page.keyboard.press("Space")
    page.get_by_role("cell", name="undecided").wait_for()
    walk_to(page, "tab", "^Undecided")
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
    expect_at(page, first)
    page.get_by_role("tab", name="Undecided").tap()
    page.get_by_text("Leave a band below").tap()
    page.get_by_role("cell", name="undecided").wait_for()
    page.get_by_role("button", name="Reviewed", exact=True).tap()
    page.get_by_text("Reviewed 1").wait_for()
    assert page.evaluate(CUT) == []
    context.close()
