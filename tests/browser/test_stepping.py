"""The viewer keeps up with the list, and a slow method with a quick one."""

import re

from playwright.sync_api import Page, expect

from tests.browser.steps import FILM, leave_widgets, settle, upload
from tests.places import SAMPLES

# In each picture of the screen: which row is open, and which film the viewer shows if it shows one.
WATCH = """() => {
  window.seen = [];
  const inside = (selector) => {
    for (const host of document.querySelectorAll('*')) {
      const found = host.shadowRoot?.querySelector(selector);
      if (found) return found;
    }
  };
  const look = () => {
    if (!window.seen) return;
    const row = inside('.row.selected');
    const stage = inside('.stage');
    const title = stage?.querySelector('.title')?.textContent ?? '';
    if (row && stage && getComputedStyle(stage).visibility === 'visible') {
      const open = [...row.parentElement.querySelectorAll('.row')].indexOf(row) + 1;
      window.seen.push([open, +title.match(/film (\\d+) of/i)[1]]);
    }
    requestAnimationFrame(look);
  };
  look();
}"""


def test_the_viewer_never_shows_another_film_than_the_list(page: Page) -> None:
    upload(page, *SAMPLES)
    leave_widgets(page)
    page.evaluate(WATCH)
    for key in "jjjjjkkkjj":
        page.keyboard.press(key)
        page.wait_for_timeout(90)
    settle(page)
    page.wait_for_timeout(1000)
    # No longer than this: the page stays open, and the browser would be busy with it for good.
    seen = page.evaluate("() => { const seen = window.seen; window.seen = null; return seen; }")
    assert seen[-1][0] == seen[-1][1] == 5
    assert [pair for pair in seen if pair[0] != pair[1]] == []


def test_a_slow_method_does_not_hide_the_first(page: Page) -> None:
    upload(page, FILM)
    page.get_by_role("combobox", name="Second method").click()
    page.get_by_role("option", name=re.compile("^Occlusion")).click()
    page.get_by_text("is scored again and again").wait_for()
    expect(page.locator(".pane .title").nth(1)).to_have_text(re.compile("^Grad-CAM"))
    page.get_by_text("the two methods").first.wait_for()
    expect(page.locator(".pane .title", has_text="Occlusion").first).to_be_visible()
