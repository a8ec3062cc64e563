"""The viewer by mouse, by keyboard and by touch, and its pixels against those of the film."""

import re
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.steps import FILM, NORMAL, leave_widgets, settle, touch, upload
from tests.films.dicom_maker import TWELVE, make

GREY = np.asarray(Image.open(FILM).convert("L").resize((400, 320))).astype(np.uint16)
DEEP = 16 * GREY + np.arange(400, dtype=np.uint16) % 16  # what lies below the eighth bit matters
CHEST = {"PatientAge": "003Y", "ViewPosition": "AP", "Modality": "CR", "PatientID": "ab12"}


def dicom(name: str, stored: np.ndarray, day: str, **tags: object) -> dict:
    data = make(stored, **TWELVE, **CHEST, StudyDate=day, StudyInstanceUID=f"1.2.{day}", **tags)
    return {"name": name, "mimeType": "application/dicom", "buffer": data}


NOW = dicom(
    "now.dcm",
    DEEP,
    "20260401",
    PixelSpacing=[0.5, 0.25],
    WindowCenter=[2048, 1500],
    WindowWidth=[4096, 1000],
    WindowCenterWidthExplanation=["Normal", "Harder"],
)
BEFORE = dicom("before.dcm", DEEP[::-1].copy(), "20260301")
# Grey of the canvas's pixel under a point of the page.
GREY_AT = """(canvas, [x, y]) => {
  const box = canvas.getBoundingClientRect();
  const [left, top] = [(x + 0.5 - box.x) / box.width, (y + 0.5 - box.y) / box.height];
  const context = canvas.getContext('2d');
  const [column, row] = [Math.floor(left * canvas.width), Math.floor(top * canvas.height)];
  return context.getImageData(column, row, 1, 1).data[0];
}"""


@pytest.fixture
def film(page: Page) -> Page:
    upload(page, NOW)
    leave_widgets(page)
    return page


@pytest.fixture
def tablet(address: str, browser: Browser) -> Iterator[Page]:
    size = {"width": 1024, "height": 768}
    page = browser.new_page(base_url=address, viewport=size, has_touch=True)
    page.set_default_timeout(120_000)
    yield page
    page.close()


def main(page: Page) -> Locator:
    return page.locator(".pane canvas").first


def button(page: Page, name: str) -> Locator:
    return page.locator(".viewer").get_by_role("button", name=name, exact=True)


def spot(page: Page, x: float, y: float) -> tuple[int, int]:
    """A point of the pane as one of the page, at a whole pixel, as a mouse is."""
    box = main(page).bounding_box()
    return round(box["x"] + x), round(box["y"] + y)


def point_at(page: Page, x: float, y: float) -> tuple[int, int, str]:
    """Point at a place of the pane: the film's pixel there and its value, as the viewer says."""
    page.mouse.move(*spot(page, x, y))
    readout = page.locator(".readout")
    expect(readout).to_have_text(re.compile(r"\d+, \d+: "))
    column, row, value = re.search(r"(\d+), (\d+): (.*)", readout.inner_text()).groups()
    return int(column), int(row), value.strip()


def drag(page: Page, dx: float, dy: float, *, button: str = "left") -> None:
    box = main(page).bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down(button=button)
    page.mouse.move(box["x"] + box["width"] / 2 + dx, box["y"] + box["height"] / 2 + dy, steps=4)
    page.mouse.up(button=button)


def drawn(page: Page) -> None:
    """Until what was done shows: the viewer draws once for each picture of the screen."""
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def percent(page: Page) -> int:
    drawn(page)
    return int(page.locator(".readout").inner_text().split()[1])


@pytest.mark.parametrize("turned", ["", "xt"])
def test_every_pixel_is_the_films_own_at_twelve_bits(film: Page, turned: str) -> None:
    for key in (*turned, *"+" * 18):  # so near that a pixel of the film is many of the screen
        film.keyboard.press(key)
    for x, y in ((100, 90), (211, 163), (305, 240)):
        column, row, value = point_at(film, x, y)
        own = int(DEEP[row, column])
        assert value == str(own)
        for window, (low, high) in {"NORMAL": (0, 4095), "HARDER": (1000, 1999)}.items():
            film.locator(".viewer select").select_option(label=window)
            drawn(film)
            grey = np.clip(255 * (own - low) / (high - low), 0, 255)
            assert main(film).evaluate(GREY_AT, spot(film, x, y)) == pytest.approx(grey, abs=0.51)
    film.keyboard.press("0")


def test_the_window_is_set_in_the_films_own_units(film: Page) -> None:
    width, level = (film.get_by_label(f"Window {name}") for name in ("width", "level"))
    expect(width).to_have_value("4096")
    expect(level).to_have_value("2048")
    film.keyboard.press("w")
    film.keyboard.press("w")
    expect(width).to_have_value("1000")  # as its file says
    expect(level).to_have_value("1500")
    drag(film, 60, 0, button="right")
    expect(film.locator(".viewer select")).to_have_value("own")
    assert float(width.input_value()) > 1100
    expect(level).to_have_value("1500")
    level.fill("700")
    level.press("Enter")
    expect(level).to_have_value("700")


def test_mouse_moves_and_measures(film: Page) -> None:
    main(film).hover()
    film.mouse.wheel(0, -600)
    assert percent(film) > 1.5 * whole(film)
    column, row, _ = point_at(film, 150, 150)
    drag(film, 40, 30)
    moved, lower, _ = point_at(film, 190, 180)
    assert abs(moved - column) <= 1 and abs(lower - row) <= 1
    film.locator(".viewer").get_by_role("radio", name="Ruler").click()
    start, end = point_at(film, 100, 100), point_at(film, 200, 160)
    box = main(film).bounding_box()
    film.mouse.move(box["x"] + 100, box["y"] + 100)
    film.mouse.down()
    film.mouse.move(box["x"] + 200, box["y"] + 160, steps=3)
    film.mouse.up()
    measured = film.locator(".measured").inner_text()
    expected = np.hypot(0.25 * (end[0] - start[0]), 0.5 * (end[1] - start[1]))
    assert measured.endswith(" mm")
    assert float(measured.split()[0]) == pytest.approx(expected, abs=0.6)
    main(film).dblclick()
    film.keyboard.press("Delete")


def whole(page: Page) -> int:
    box = main(page).bounding_box()
    return round(100 * min(box["width"] / DEEP.shape[1], box["height"] / DEEP.shape[0]))


def test_without_a_spacing_it_measures_in_pixels(page: Page) -> None:
    upload(page, FILM)
    leave_widgets(page)
    page.keyboard.press("d")
    drag(page, 50, 0)
    assert page.locator(".measured").inner_text().endswith(" pixels")
    ruler = page.locator(".viewer").get_by_role("radio", name="Ruler")
    expect(ruler).to_have_attribute("title", re.compile("no spacing"))
    page.keyboard.press("v")


def test_everything_has_a_key(film: Page) -> None:
    keyboard = film.keyboard
    for key, name in {"i": "Invert", "l": "Lungs", "o": "Overlay"}.items():
        keyboard.press(key)
        expect(button(film, name)).to_have_attribute("aria-pressed", "true")
        if key == "o":
            expect(film.locator(".pane")).to_have_count(1)
        keyboard.press(key)
        expect(button(film, name)).to_have_attribute("aria-pressed", "false")
    keyboard.press("x")
    keyboard.press("t")
    expect(film.locator(".turned").first).to_have_text("left and right exchanged, turned by 90°")
    keyboard.press("0")
    expect(film.locator(".turned").first).to_have_text("")
    keyboard.press("1")
    assert percent(film) == 100
    keyboard.press("+")
    assert percent(film) == 125
    keyboard.press("-")
    assert percent(film) == 100
    for _ in range(8):
        keyboard.press("+")
    column, row, _ = point_at(film, 150, 150)
    keyboard.press("Shift+ArrowRight")
    keyboard.press("Shift+ArrowDown")
    drawn(film)
    further, lower, _ = point_at(film, 151, 150)
    assert further > column and lower > row
    keyboard.press("0")
    keyboard.press("f")
    film.wait_for_function("document.fullscreenElement !== null")
    keyboard.press("?")
    expect(film.get_by_text("Drag to measure")).to_be_visible()
    film.get_by_role("dialog").get_by_role("button", name="Close").press("Enter")
    keyboard.press("f")
    film.wait_for_function("document.fullscreenElement === null")


def test_a_prior_film_of_the_same_patient_stands_beside_it(page: Page) -> None:
    upload(page, NOW, BEFORE, NORMAL)
    leave_widgets(page)
    page.locator(".row", has_text="now.dcm").click()
    expect(button(page, "Prior")).to_be_enabled()  # until then there is none to show
    page.keyboard.press("b")
    expect(page.get_by_text("Prior film, 31 days earlier")).to_be_visible()
    pane = page.locator(".pane canvas").nth(1)
    pane.wait_for()
    box = pane.bounding_box()
    page.wait_for_function(
        f"([canvas, place]) => ({GREY_AT})(canvas, place) > 20",
        arg=[pane.element_handle(), [box["x"] + box["width"] / 2, box["y"] + box["height"] / 2]],
    )
    page.keyboard.press("b")
    page.locator(".row", has_text=NORMAL.name).click()
    settle(page)
    expect(button(page, "Prior")).to_be_disabled()


def test_a_pinch_zooms_and_the_film_stays_in_its_pane(tablet: Page) -> None:
    upload(tablet, NOW)
    box = main(tablet).bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    before = percent(tablet)
    touch(tablet, [[(x - 20 - 8 * n, y), (x + 20 + 8 * n, y)] for n in range(10)])
    near = percent(tablet)
    assert near == pytest.approx(before * 184 / 40, rel=0.1)
    # Both fingers, and then one, carry it as far as they can: it still fills the pane.
    touch(tablet, [[(x - 50 + 20 * n, y), (x + 50 + 20 * n, y)] for n in range(10)])
    touch(tablet, [[(x - 90 + 20 * n, y - 90 + 20 * n)] for n in range(10)])
    touch(tablet, [[(x - 90 + 20 * n, y - 90 + 20 * n)] for n in range(10)])
    assert percent(tablet) == near
    shown = [
        main(tablet).evaluate(GREY_AT, [box["x"] + at * box["width"], y])
        for at in (0.25, 0.5, 0.75)
    ]
    assert min(shown) > 0
    touch(tablet, [[(x - 90 + 8 * n, y), (x + 90 - 8 * n, y)] for n in range(10)])
    assert percent(tablet) < near
