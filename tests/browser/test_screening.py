import re
from pathlib import Path

from playwright.sync_api import Page, expect

SAMPLES = sorted((Path(__file__).parents[2] / "cxrapp/samples").glob("*.jpeg"))
BROKEN = {"name": "broken.png", "mimeType": "image/png", "buffer": b"\x89PNG\r\n\x1a\nnothing"}
FILM = next(path for path in SAMPLES if "bacteria" in path.name)

# The operating point is the last trace of the ROC figure; nothing until that is drawn.
POINT = """() => {
  const plots = [...document.querySelectorAll('.js-plotly-plot')];
  const roc = plots.find(plot => plot.data.length === 3);
  return roc && [roc.data[2].x[0], roc.data[2].y[0]];
}"""


def upload(page: Page, *files: Path | dict) -> None:
    page.reload()
    payload = [
        file
        if isinstance(file, dict)
        else {"name": file.name, "mimeType": "image/jpeg", "buffer": file.read_bytes()}
        for file in files
    ]
    page.locator("input[type=file]").first.set_input_files(payload)
    page.get_by_text("Of 100 children").wait_for()


def press(page: Page, finding: str, key: str) -> None:
    page.get_by_role("slider", name=re.compile(f"^{finding} threshold")).focus()
    page.keyboard.press(key)


def test_moving_the_threshold_moves_decision_roc_point_and_counts(page: Page) -> None:
    upload(page, FILM)
    press(page, "Pneumonia", "Home")
    page.get_by_text("positive: pneumonia").wait_for()
    page.wait_for_function(f"() => ({POINT})()?.[1] === 100")
    counts, low_point = page.locator("table").first, page.evaluate(POINT)
    low_counts = counts.inner_text()

    press(page, "Pneumonia", "End")
    page.wait_for_function(f"() => ({POINT})()?.[1] < 100")
    assert page.evaluate(POINT)[0] < low_point[0]
    page.wait_for_function(
        "old => document.querySelector('table').innerText !== old", arg=low_counts
    )


def test_decision_follows_the_threshold_on_a_normal_film(page: Page) -> None:
    upload(page, next(path for path in SAMPLES if path.name.startswith("NORMAL")))
    press(page, "Pneumonia", "Home")
    page.get_by_text("positive: pneumonia").wait_for()
    press(page, "Pneumonia", "End")
    page.get_by_text("negative: no pneumonia").wait_for()
    page.get_by_text("not asked without pneumonia").wait_for()


def test_many_films_and_a_broken_one_become_a_worklist(page: Page) -> None:
    upload(page, *SAMPLES, BROKEN)
    page.get_by_text(f"{len(SAMPLES)} films").wait_for()
    expect(page.get_by_text("1 file was not screened")).to_be_visible()
    expect(page.get_by_text("broken.png").first).to_be_visible()

    shown = page.get_by_test_id("stCaptionContainer").filter(has_text=".jpeg")
    first = shown.first.inner_text()
    table = page.get_by_test_id("stDataFrame").bounding_box()
    page.mouse.click(table["x"] + 16, table["y"] + 35 + 35 * 3 + 18)  # the fourth row
    expect(shown.first).not_to_have_text(first)


def test_table_download_has_a_row_a_film_and_finding(page: Page, tmp_path: Path) -> None:
    upload(page, *SAMPLES, BROKEN)
    page.get_by_text(f"{len(SAMPLES)} films").wait_for()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download table").click()
    download.value.save_as(tmp_path / "worklist.csv")
    lines = (tmp_path / "worklist.csv").read_text().splitlines()
    assert lines[0] == "file,finding,probability,threshold,decision,status,message"
    assert len(lines) == 1 + 2 * (len(SAMPLES) + 1)
    assert sum("broken.png" in line and ",error," in line for line in lines) == 2


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
    page.get_by_role("button", name="Take all films away").click()
    page.get_by_role("button", name="Try it on six sample films").wait_for()
