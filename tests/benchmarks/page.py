"""The page in a real browser: from the reader's move to the page that shows what came of it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.benchmarks.bulk import make_folder
from tests.benchmarks.pairs import Comparison, time_in_turn
from tests.load.server import serve

FEW = 5
# What the server draws anew, as expressions of the browser.
OUTCOMES = "document.querySelector('.st-key-outcomes table')?.innerText"
EMPTY = "document.querySelector('[data-testid=stText]')?.innerText"
PLACE = r"document.querySelector('.stApp').innerText.match(/film \d+ of \d+/i)?.[0]"
IDLE = "document.querySelector('.stApp').dataset.testScriptState === 'notRunning'"


def moves_and_openings(rounds: int, many: int) -> Iterator[Comparison]:
    """A slider of the app against one on a page with nothing else; a slider beside a long worklist
    against a short one; opening a film from the long against the short one."""
    with start_browser() as browser, serve() as app:
        short = open_worklist(browser, app.address, FEW)
        move = Mover(short, OUTCOMES)
        with serve(script=Path(__file__).with_name("empty_app.py")) as server:
            empty = _open(browser, server.address, "[data-testid=stText]")
            yield Comparison(
                "slider move to updated page, in the browser",
                "an empty Streamlit page with a slider",
                time_in_turn(move, Mover(empty, EMPTY), rounds),
                2.0,
            )
            empty.close()
        long = open_worklist(browser, app.address, many)
        yield Comparison(
            f"slider move with {many} films in the worklist",
            f"the same with {FEW}",
            time_in_turn(Mover(long, OUTCOMES), move, rounds),
            1.6,
        )
        yield Comparison(
            f"opening a film from a worklist of {many}",
            f"the same with {FEW}",
            time_in_turn(lambda: open_another(long), lambda: open_another(short), rounds),
            1.2,
        )


@contextmanager
def start_browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"))
        yield browser
        browser.close()


def open_worklist(browser: Browser, address: str, films: int) -> Page:
    """A page on which so many films have been scored."""
    page = _open(browser, address, "input[type=file]")
    with make_folder(films) as folder:
        paths = [str(path) for path in sorted(folder.iterdir())]
        page.locator("input[type=file]").first.set_input_files(paths)
        page.get_by_text(f"{films} films").first.wait_for(timeout=1_200_000)
        expect(page.get_by_role("button", name="Stop screening")).to_have_count(0, timeout=120_000)
    page.wait_for_function(f"() => {IDLE}")
    page.wait_for_timeout(2000)  # for what is done after the page is drawn
    return page


class Mover:
    """Moves the first slider of a page from one end to the other, and back at the next call."""

    def __init__(self, page: Page, what: str) -> None:
        self._page, self._what, self._to = page, what, "End"
        self()  # to an end: the first move may be shorter than the others

    def __call__(self) -> None:
        slider = self._page.get_by_role("slider", name="threshold").first
        slider.focus()
        with _changing(self._page, self._what):
            slider.press(self._to)
        self._to = "Home" if self._to == "End" else "End"


def open_another(page: Page) -> None:
    """Click the first film of the list that is not open."""
    with _changing(page, PLACE):
        page.locator(".row:not(.selected)").first.click()


@contextmanager
def _changing(page: Page, what: str) -> Iterator[None]:
    """Ends when something on the page has changed and nothing is running."""
    before = page.evaluate(what)
    yield
    page.wait_for_function(
        f"before => {IDLE} && (now => now && now !== before)({what})", arg=before
    )


def _open(browser: Browser, address: str, awaited: str) -> Page:
    page = browser.new_page(base_url=address, viewport={"width": 1366, "height": 768})
    page.set_default_timeout(120_000)
    page.goto("/")
    page.locator(awaited).first.wait_for(state="attached")
    page.wait_for_function(f"() => {IDLE}")
    return page
