"""The viewer keeps up with the list, and a slow method with a quick one."""

import re

from playwright.sync_api import Browser, Page, expect

from tests.browser.steps import FILM, leave_widgets, opened, settle, upload
from tests.places import SAMPLES

# In each picture of the screen: which row is open, and which film the viewer shows if it shows one.
WATCH = """() => {
  window.seen = [];
  document.addEventListener('cxrapp:stuck', () => window.stuck = true);
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
    page.wait_for_function("() => window.seen.at(-1).every(film => film === 5)")
    settle(page)
    page.wait_for_timeout(1000)
    # No longer than this: the page stays open, and the browser would be busy with it for good.
    seen = page.evaluate("() => { const seen = window.seen; window.seen = null; return seen; }")
    assert seen[-1] == [5, 5]
    assert not page.evaluate("window.stuck")  # the list drew what was asked for by itself
    assert [pair for pair in seen if pair[0] != pair[1]] == []


# What the server says is heard a second late.
SLOW_LINE = """
const listen = WebSocket.prototype.addEventListener;
WebSocket.prototype.addEventListener = function (kind, hear, ...rest) {
  const late = (event) => setTimeout(() => hear(event), 1000);
  listen.call(this, kind, kind === 'message' ? late : hear, ...rest);
};"""


def test_quick_steps_on_a_slow_line_come_to_their_film(browser: Browser, address: str) -> None:
    """The server refers to what the page has told it to have: it must still have it."""
    with browser.new_context(base_url=address) as context:
        context.set_default_timeout(120_000)
        page = context.new_page()
        page.add_init_script(SLOW_LINE)
        upload(page, *SAMPLES)
        leave_widgets(page)
        first = opened(page)
        for key in "jjkk":
            page.keyboard.press(key)
            page.wait_for_timeout(200)
        page.wait_for_timeout(3000)
        expect(page.get_by_text("Connection error")).to_have_count(0)
        expect(page.locator(".row.selected .name b")).to_have_text(first)
        expect(page.locator(".stage .title").first).to_have_text(re.compile("film 1 of", re.I))


def test_a_slow_method_does_not_hide_the_first(page: Page) -> None:
    upload(page, FILM)
    page.get_by_role("combobox", name="Second method").click()
    page.get_by_role("option", name=re.compile("^Occlusion")).click()
    page.get_by_text("is scored again and again").wait_for()
    expect(page.locator(".pane .title").nth(1)).to_have_text(re.compile("^Grad-CAM"))
    page.get_by_text("the two methods").first.wait_for()
    expect(page.locator(".pane .title", has_text="Occlusion").first).to_be_visible()
