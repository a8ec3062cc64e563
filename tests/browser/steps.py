"""What a reader does on the screening page, for a real browser."""

import io
import re
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from playwright.sync_api import Locator, Page, expect
from sklearn.datasets import load_sample_image

from tests.films.dicom_maker import make
from tests.places import SAMPLES

BROKEN = {"name": "broken.png", "mimeType": "image/png", "buffer": b"\x89PNG\r\n\x1a\nnothing"}
FILM = next(path for path in SAMPLES if "bacteria" in path.name)
NORMAL = next(path for path in SAMPLES if path.name.startswith("NORMAL2-IM-0092"))


def as_upload(name: str, picture: Image.Image) -> dict:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return {"name": name, "mimeType": "image/png", "buffer": buffer.getvalue()}


PHOTOGRAPH = as_upload("photograph.png", Image.fromarray(load_sample_image("china.jpg")))
MIRRORED = as_upload("mirrored.png", ImageOps.mirror(Image.open(FILM).convert("L")))

# The operating point, in per cent, from where its dot stands over the ROC figure's plot.
POINT = """() => {
  const figure = document.querySelector('.st-key-curve-roc');
  const [dot, plot] = ['.setting [title^=this]', '.nsewdrag'].map(
    part => figure?.querySelector(part)?.getBoundingClientRect());
  if (!dot || !plot) return null;
  const share = (place, size) => Math.round(106 * place / size - 3);
  return [share(dot.x + dot.width / 2 - plot.x, plot.width),
          share(plot.bottom - dot.y - dot.height / 2, plot.height)];
}"""


def forget(page: Page) -> None:
    """As another tab, without films; from a page whose scripts note none anew."""
    page.goto("/_stcore/health")
    page.evaluate("sessionStorage.clear()")


def drop(page: Page, *files: Path | dict) -> None:
    payload = [
        file
        if isinstance(file, dict)
        else {"name": file.name, "mimeType": "image/jpeg", "buffer": file.read_bytes()}
        for file in files
    ]
    page.locator("input[type=file]").first.set_input_files(payload)


def upload(page: Page, *files: Path | dict) -> None:
    page.goto("/")
    drop(page, *files)
    page.get_by_text("of 1,000").first.wait_for()
    expect(page.get_by_role("button", name="Stop screening")).to_have_count(0, timeout=120_000)
    settle(page)


def settle(page: Page) -> None:
    """Until nothing is running: what is on the page before that may be about to go.

    Streamlit shows that it runs only after half a second, and then fades it in and out.
    """
    page.wait_for_timeout(300)
    page.locator("[data-test-script-state=notRunning]").wait_for()
    page.get_by_test_id("stStatusWidget").wait_for(state="detached")


def opened(page: Page) -> str:
    return page.locator(".row.selected .name b").inner_text()


def threshold(page: Page, finding: str) -> Locator:
    return page.get_by_role("slider", name=re.compile(f"^{finding} threshold"))


def press(page: Page, finding: str, key: str) -> None:
    threshold(page, finding).focus()
    page.keyboard.press(key)


def leave_widgets(page: Page) -> None:
    """Keys belong to a widget as long as it has the focus."""
    page.keyboard.press("Escape")
    page.mouse.click(4, 300)  # the margin of the page


def archive() -> dict:
    """A night's films as they come: a DICOM film without a suffix and PNG films."""
    pixels = np.asarray(Image.open(FILM).convert("L"))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        tags = {"PatientAge": "003Y", "ViewPosition": "AP", "Modality": "CR", "PatientID": "ab12"}
        file.writestr("ward/film", make(pixels, StudyInstanceUID="1.2.3.4", **tags))
        for path in SAMPLES[:3]:
            png = io.BytesIO()
            Image.open(path).convert("L").save(png, "PNG")
            file.writestr(f"ward/{path.stem}.png", png.getvalue())
    return {"name": "night.zip", "mimeType": "application/zip", "buffer": buffer.getvalue()}


def download(page: Page, name: str) -> bytes:
    with page.expect_download() as wanted:
        page.get_by_role("button", name=name).click()
    return Path(wanted.value.path()).read_bytes()


def touch(page: Page, steps: list[list[tuple[float, float]]]) -> None:
    """Fingers that touch, move along the steps and go."""
    session = page.context.new_cdp_session(page)
    for kind, points in (("touchStart", steps[0]), *(("touchMove", s) for s in steps[1:])):
        fingers = [{"x": x, "y": y, "id": n} for n, (x, y) in enumerate(points)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
