"""Every task from its beginning to its end by mouse alone, by keyboard alone and by touch."""

import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from cxrapp.films.decode import read_upload
from cxrapp.model.bundle import Bundle
from cxrapp.model.predict import predict
from tests.browser.hands import HANDS, Mouse
from tests.browser.steps import (
    BROKEN,
    FILM,
    NORMAL,
    download,
    forget,
    opened,
    settle,
    threshold,
    upload,
)
from tests.places import SAMPLES

# Words that are cut, of buttons and of what is chosen, on the page and in the viewer.
CUT = """() => [...document.querySelectorAll('[data-testid=stApp] *')]
  .flatMap(node => [node, ...(node.shadowRoot?.querySelectorAll('*') ?? [])])
  .filter(node => node.matches('button, input[role=combobox], select') && node.offsetParent
    && node.scrollWidth > node.clientWidth + 1)
  .map(node => node.innerText || node.value)"""


@pytest.fixture(scope="module")
def tablet(address: str, browser: Browser) -> Iterator[Page]:
    context = browser.new_context(
        base_url=address, viewport={"width": 1024, "height": 768}, has_touch=True
    )
    page = context.new_page()
    page.set_default_timeout(120_000)
    yield page
    context.close()


@pytest.fixture(params=HANDS)
def hand(request: pytest.FixtureRequest) -> Mouse:
    page = request.getfixturevalue("tablet" if request.param == "touch" else "page")
    forget(page)
    return HANDS[request.param](page)


def button(page: Page, name: str) -> Locator:
    """By its whole name, or by how it begins."""
    return page.get_by_role("button", name=re.compile(f"^{name}")).first


def switch(page: Page, words: str) -> Locator:
    """By the words beside it."""
    return page.locator("label", has_text=words).first


def choice(page: Page, words: str) -> Locator:
    """One of several, by how it begins."""
    return page.get_by_role("radio", name=re.compile(f"^{re.escape(words)}")).first


def stands(page: Page, words: str | re.Pattern[str]) -> str:
    """Where the slider of pneumonia is, once it is there."""
    slider = threshold(page, "Pneumonia").first
    expect(slider).to_have_attribute("aria-valuetext", words)
    return slider.get_attribute("aria-valuetext")


def test_a_worklist_is_worked_through(hand: Mouse) -> None:
    page = hand.page
    upload(page, *SAMPLES, BROKEN)
    hand.press(button(page, ".*1 file not screened"))
    page.get_by_text("broken.png: ").wait_for()
    hand.leave()
    hand.press(button(page, "Close$"))
    for name, count in (
        ("Reviewed$", 1),
        ("✓ Undo", 0),
        ("Reviewed$", 1),
    ):  # taken back, done again
        hand.press(button(page, name))
        page.get_by_text(f"Reviewed {count}", exact=True).wait_for()
    hand.press(choice(page, "Reviewed 1"))  # the count leads to its film
    expect(page.locator(".row")).to_have_count(1)
    hand.press(choice(page, f"{len(SAMPLES)} films"))
    expect(page.locator(".row")).to_have_count(len(SAMPLES))
    gone = opened(page)
    hand.press(button(page, "This film"))
    hand.press(button(page, r"No \(N\)"))
    page.get_by_text("False alarms, you say 1").wait_for()
    hand.press(button(page, "Remove this film"))
    expect(page.locator(".row")).to_have_count(len(SAMPLES) - 1)
    expect(page.locator(".row", has_text=gone)).to_have_count(0)
    hand.leave()
    hand.open(page.locator(".row").nth(2))
    page.get_by_text(f"Film 3 of {len(SAMPLES) - 1}").first.wait_for()
    assert page.evaluate(CUT) == []


def test_the_threshold_is_set(hand: Mouse) -> None:
    page = hand.page
    upload(page, *SAMPLES[:3])
    first = stands(page, re.compile(r"^\d+\.\d %$"))
    hand.press(page.get_by_role("tab", name="By goal"))
    hand.choose(page.get_by_role("combobox", name="Goal"), "Specificity, %")
    settle(page)
    assert page.evaluate(CUT) == []
    hand.press(button(page, "Use "))
    specific = stands(page, re.compile(rf"^(?!{re.escape(first)})"))
    hand.press(page.get_by_role("tab", name="Saved"))
    hand.write(page.get_by_role("textbox", name="Name"), "night")
    hand.press(button(page, "Save$"))
    button(page, "night: ").wait_for()
    hand.press(page.get_by_role("tab", name="Point"))
    assert page.evaluate(CUT) == []
    hand.press(button(page, "Back$"))
    stands(page, first)
    hand.press(page.get_by_role("tab", name="Saved"))
    hand.press(button(page, "night: "))
    stands(page, specific)
    hand.press(page.get_by_role("tab", name="Undecided"))
    expect(page.get_by_text("would be undecided")).to_be_visible()
    hand.press(switch(page, "Leave a band below"))
    page.get_by_role("cell", name="undecided").wait_for()
    expect(page.locator(".row .track s").first).to_be_visible()


def test_a_blinded_read_comes_before_the_models(hand: Mouse, bundle: Bundle) -> None:
    page = hand.page
    (film,) = read_upload("", FILM.read_bytes())
    answer = f"{100 * predict(bundle, [film])[0].probabilities[0]:.1f} %"
    page.goto("/")
    hand.press(button(page, "Options"))
    hand.press(switch(page, "Blinded first read"))
    hand.leave()
    page.locator("input[type=file]").first.set_input_files(FILM)
    page.get_by_text("Your own call first").wait_for()
    expect(page.get_by_text(answer)).to_have_count(0)
    hand.press(button(page, r"No \(N\)"))
    page.get_by_text(answer).first.wait_for()
    page.get_by_text("Your final call").wait_for()
    hand.press(button(page, r"Yes \(P\)"))
    page.get_by_text("1 towards the model").wait_for()


def test_a_film_is_read_and_its_report_taken_along(hand: Mouse) -> None:
    page = hand.page
    upload(page, FILM, NORMAL)

    def tool(name: str) -> Locator:
        return page.locator(".viewer").get_by_role("button", name=name, exact=True)

    for name in ("Invert", "Overlay"):
        for state in ("true", "false"):
            hand.press(tool(name))
            expect(tool(name)).to_have_attribute("aria-pressed", state)
    for state in ("!==", "==="):
        hand.press(tool("Full screen"))
        page.wait_for_function(f"document.fullscreenElement {state} null")
    hand.press(button(page, "Export"))
    hand.press(choice(page, "All films"))
    page.get_by_text("2 films in the file").wait_for()
    with page.expect_download() as wanted:
        hand.press(button(page, "PDF report"))
    assert Path(wanted.value.path()).read_bytes().startswith(b"%PDF")


def test_bundles_are_compared_and_swapped(hand: Mouse) -> None:
    page = hand.page
    upload(page, FILM, NORMAL)
    hand.press(page.get_by_role("link", name="Compare models"))
    page.get_by_text("of 2 films").first.wait_for()
    settle(page)
    hand.press(button(page, "Set all-ages to it"))
    settle(page)
    hand.press(page.get_by_role("link", name="Screen films"))
    page.get_by_text("2 films", exact=True).wait_for()
    settle(page)
    hand.choose(page.get_by_role("combobox", name="Model", exact=True), "all-ages model")
    said = re.compile("(above|below) the [0-9.]+ % chosen on validation films")
    page.get_by_text(said).wait_for()


def test_a_site_measures_its_labelled_films(hand: Mouse, kermany: Path) -> None:
    page, buffer = hand.page, io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for folder in ("NORMAL", "PNEUMONIA"):
            for path in sorted((kermany / "test" / folder).glob("*"))[:48:4]:
                file.write(path, f"{folder}/{path.name}")
    page.goto("/")
    hand.press(page.get_by_role("link", name="Your own films"))
    page.get_by_text("How does the model do here?").wait_for()
    page.locator("input[type=file]").first.set_input_files(
        {"name": "ours.zip", "mimeType": "application/zip", "buffer": buffer.getvalue()}
    )
    page.get_by_text("24 films of 24 patients").wait_for()
    page.get_by_text("cannot carry a threshold of their own").first.wait_for()
    numbers = json.loads(download(page, "All numbers, JSON"))
    assert numbers["findings"][0]["auroc"]["value"] > 0.5
    assert json.loads(download(page, "Settings file"))["points"] == []
    hand.press(choice(page, "False alarms at"))
    settle(page)
    hand.press(button(page, "Remove these films"))
    page.get_by_text("How does the model do here?").wait_for()
