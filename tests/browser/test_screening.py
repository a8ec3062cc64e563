import io
import json
import re
import zipfile
from pathlib import Path

import pydicom
import pytest
from playwright.sync_api import Browser, Page, WebSocketRoute, expect
from pypdf import PdfReader

from cxrapp.figures.pictures import film_picture, fingerprint
from cxrapp.films.decode import read_upload
from tests.browser.steps import (
    BROKEN,
    FILM,
    NORMAL,
    POINT,
    archive,
    download,
    drop,
    leave_widgets,
    opened,
    press,
    upload,
)
from tests.places import SAMPLES


def test_moving_the_threshold_moves_decision_curve_list_and_outcomes(page: Page) -> None:
    upload(page, FILM, NORMAL)
    press(page, "Pneumonia", "Home")
    page.get_by_text("Positive 2").wait_for()
    page.wait_for_function(f"() => ({POINT})()?.[1] === 100")
    table = page.locator(".st-key-outcomes table")
    low_outcomes, low_point = table.inner_text(), page.evaluate(POINT)
    page.evaluate("window.roc = document.querySelector('.st-key-curve-roc .main-svg')")

    press(page, "Pneumonia", "End")
    page.get_by_text("Negative 2").wait_for()
    page.wait_for_function(f"() => ({POINT})()?.[1] < 100")
    assert page.evaluate(POINT)[0] < low_point[0]
    assert page.evaluate("window.roc === document.querySelector('.st-key-curve-roc .main-svg')")
    expect(table).not_to_have_text(low_outcomes)
    expect(page.get_by_text(re.compile("above the [0-9.]+ % chosen on"))).to_be_visible()


def test_an_archive_that_is_too_large_is_refused_in_sight(page: Page, tmp_path: Path) -> None:
    large = tmp_path / "films.zip"
    large.write_bytes(bytes(52 * 2**20))
    page.goto("/")
    page.get_by_text("Try it on six sample films").wait_for()
    page.locator("input[type=file]").first.set_input_files(large)
    said = page.get_by_role("alert").filter(has_text="50.0MB or smaller")
    expect(said).to_be_visible()
    assert said.bounding_box()["width"] > 100  # what is for screen readers alone has one pixel


def test_what_is_too_large_beside_a_film_is_named(page: Page, tmp_path: Path) -> None:
    large = tmp_path / "large.dcm"
    large.write_bytes(bytes(51 * 2**20))
    page.goto("/")
    page.get_by_text("Try it on six sample films").wait_for()
    page.locator("input[type=file]").first.set_input_files([FILM, large])
    page.get_by_text("1 film", exact=True).wait_for()
    page.get_by_role("button", name="1 file not screened").click()
    told = page.get_by_text("large.dcm: It was not sent: File must be 50.0MB or smaller.")
    expect(told).to_have_count(1)
    expect(told).to_be_visible()
    page.keyboard.press("Escape")


def test_films_dropped_while_others_are_being_taken_are_kept(
    address: str, browser: Browser
) -> None:
    """What the server says of the first drop reaches the browser only after the second."""
    page = browser.new_page(base_url=address)
    page.set_default_timeout(120_000)
    late: list[tuple[WebSocketRoute, str | bytes]] = []
    holding = False

    def relay(near: WebSocketRoute) -> None:
        def pass_on(message: str | bytes) -> None:
            if holding:
                late.append((near, message))
            else:
                near.send(message)

        near.connect_to_server().on_message(pass_on)

    page.route_web_socket("**/_stcore/stream", relay)
    page.goto("/")
    page.get_by_text("Try it on six sample films").wait_for()
    sent = "**/_stcore/upload_file/**"
    with page.expect_response(sent):
        with page.expect_request(sent):
            drop(page, FILM)
        holding = True
    page.wait_for_timeout(500)
    drop(page, NORMAL, BROKEN)
    page.wait_for_timeout(500)
    holding = False
    for near, message in late:
        near.send(message)
    page.get_by_text("2 films", exact=True).wait_for()
    page.get_by_text("1 file not screened").wait_for()
    page.close()


def test_an_archive_is_triaged_by_keyboard_alone(page: Page) -> None:
    upload(page, archive())
    page.get_by_text("4 films", exact=True).wait_for()
    leave_widgets(page)
    first = opened(page)
    page.keyboard.press("ArrowDown")
    expect(page.locator(".row.selected .name b")).not_to_have_text(first)
    second = opened(page)
    page.keyboard.press("k")
    expect(page.locator(".row.selected .name b")).to_have_text(first)
    page.keyboard.press("r")  # reviewed, and on to the next
    expect(page.locator(".row.selected .name b")).to_have_text(second)
    page.get_by_text("Reviewed 1").wait_for()


def test_a_goal_and_a_prevalence_set_the_outcomes(page: Page) -> None:
    upload(page, FILM)
    table = page.locator(".st-key-outcomes table")
    page.get_by_role("tab", name="By goal").click()
    before = table.inner_text()
    page.get_by_role("combobox", name="Goal").click()
    page.get_by_role("option", name="Youden's index").click()
    page.get_by_role("button", name=re.compile("^Use ")).click()
    expect(table).not_to_have_text(before)
    leave_widgets(page)
    before = table.inner_text()
    field = page.get_by_role("spinbutton", name=re.compile("^Of 100 children you see"))
    field.fill("35")
    field.press("Enter")
    expect(table).not_to_have_text(before)


def test_two_methods_show_their_maps_on_one_film(page: Page) -> None:
    upload(page, FILM)
    page.get_by_role("combobox", name="Second method").click()
    page.get_by_role("option", name="Evidence for and against").click()
    page.get_by_text("the two methods").first.wait_for()
    titles = page.locator(".pane .title")
    expect(titles).to_have_count(5)
    titles.nth(1).click()
    canvas = page.locator(".pane canvas").first
    picture = "canvas => canvas.toDataURL()"
    shown = canvas.evaluate(picture)
    leave_widgets(page)
    page.keyboard.press("i")  # inverted
    page.wait_for_function(
        f"([c, old]) => ({picture})(c) !== old", arg=[canvas.element_handle(), shown]
    )


@pytest.fixture
def exported(page: Page) -> Page:
    upload(page, archive())
    page.get_by_role("button", name="Export").click()
    page.get_by_role("radio", name="All films").click()
    page.get_by_text("4 films in the file").wait_for()
    return page


def test_the_open_film_is_the_one_exported(page: Page) -> None:
    upload(page, *SAMPLES)
    leave_widgets(page)
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator(".row").nth(2)).to_have_class(re.compile("selected"))
    name = opened(page)
    page.get_by_text("film 3 of 6").first.wait_for()
    page.get_by_role("button", name="Export").click()
    page.get_by_text(name, exact=True).nth(1).wait_for()
    (film,) = json.loads(download(page, "JSON"))["films"]
    (path,) = [path for path in SAMPLES if path.name == name]
    picture = film_picture(next(iter(read_upload(name, path.read_bytes()))).pixels)
    assert film["film"] == fingerprint(picture)


def test_every_format_is_exported_without_names(exported: Page) -> None:
    pdf = download(exported, "PDF report")
    assert len(PdfReader(io.BytesIO(pdf)).pages) == 4
    assert len(json.loads(download(exported, "JSON"))["films"]) == 4
    fhir = json.loads(download(exported, "FHIR R4B"))
    assert fhir["resourceType"] == "Bundle"
    dicom = zipfile.ZipFile(io.BytesIO(download(exported, "DICOM, zipped")))
    kinds = {pydicom.dcmread(io.BytesIO(dicom.read(n))).Modality for n in dicom.namelist()}
    assert "SR" in kinds
    # Of the PDF its text: among the characters of a picture any four letters may stand by chance.
    text = " ".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)
    for content in (text.encode(), json.dumps(fhir).encode(), *map(dicom.read, dicom.namelist())):
        assert b"ab12" not in content


def test_the_table_has_a_row_a_film_and_finding(page: Page) -> None:
    upload(page, *SAMPLES, BROKEN)
    page.get_by_text(f"{len(SAMPLES)} films", exact=True).wait_for()
    expect(page.get_by_text("1 file not screened")).to_be_visible()
    page.get_by_role("button", name="Export").click()
    lines = download(page, "Table of all films, CSV").decode().splitlines()
    assert lines[0].startswith("file,finding,probability,threshold,decision,status,message,")
    assert len(lines) == 1 + 2 * (len(SAMPLES) + 1)
    assert sum(line.startswith("unread file 1,") and ",error," in line for line in lines) == 2


def test_films_and_thresholds_outlast_a_look_at_the_model_page(page: Page) -> None:
    upload(page, FILM)
    press(page, "Pneumonia", "End")
    page.get_by_text("negative: no pneumonia").wait_for()
    page.get_by_role("link", name="About the model").click()
    page.get_by_text("Known limits").wait_for()
    page.get_by_text("official test").first.wait_for()
    page.get_by_role("link", name="Screen films").click()
    page.get_by_text("negative: no pneumonia").wait_for()
    expect(page.get_by_text(FILM.name).first).to_be_visible()
    page.get_by_role("button", name="Options").click()
    page.get_by_text("Remove all films").click()
    page.get_by_role("button", name="Remove 1 films").click()
    page.get_by_role("button", name="Try it on six sample films").wait_for()
