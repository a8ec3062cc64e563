"""A film with its heat map as one picture, with what must be said about it burned in below."""

from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

from cxrapp import __version__
from cxrapp.model.card import ModelCard
from cxrapp.report.fonts import BOLD, FAMILY, FOLDER, drawable
from cxrapp.report.pictures import HeatPanel, colour_bar, fit
from cxrapp.report.release import Release
from cxrapp.report.summary import film_line, finding_line, lung_lines, summary_lines
from cxrapp.words import NOT_A_DIAGNOSIS, PROGRAM

MAX_SIDE = 2048  # pixels of the film's long side
MIN_WIDTH = 768  # pixels, so that the words can be read below a thumbnail
WHITE, GREY, AMBER = (255, 255, 255), (176, 176, 176), (255, 190, 80)


def burn_in(card: ModelCard, release: Release, panel: HeatPanel | None) -> Image.Image:
    """The film, a strip of words below it, nothing over it but the heat map and the lungs' edge.

    Args:
        panel: Whose heat map; None burns in the words about all findings, or the refusal.

    Returns:
        (H, W) RGB.
    """
    film = panel.picture if panel else fit(release.picture, MAX_SIDE).convert("RGB")
    width = max(film.width, MIN_WIDTH)
    size = width // 44
    strip = _strip(_lines(card, release, panel), width, size)
    bar_height = 3 * size if panel else 0
    sheet = Image.new("RGB", (width, film.height + strip.height + bar_height))
    sheet.paste(film, ((width - film.width) // 2, 0))
    if panel:
        _draw_bar(sheet, panel, release, film.height, size)
    sheet.paste(strip, (0, film.height + bar_height))
    return sheet


def _lines(
    card: ModelCard, release: Release, panel: HeatPanel | None
) -> list[tuple[str, str, tuple[int, int, int]]]:
    """(text, font, colour) of each paragraph."""
    marked = release.verdict.level != "accept"
    gate = (film_line(release), BOLD, AMBER)
    if panel:
        lines = [(finding_line(panel.result), BOLD, WHITE), *([gate] if marked else [])]
        if panel.empty:
            empty = f"No positive evidence for {panel.result.finding.positive} on this film."
            lines.append((empty, FAMILY, WHITE))
        lines += [(line, FAMILY, GREY) for line in lung_lines(release)]
    else:
        lines = [gate, *((line, FAMILY, WHITE) for line in summary_lines(release)[1:])]
    model = f"Model {card.name}, SHA-256 {card.sha256[:16]}…, {PROGRAM} {__version__}."
    return [*lines, (model, FAMILY, GREY), (NOT_A_DIAGNOSIS, BOLD, WHITE)]


def _strip(
    lines: list[tuple[str, str, tuple[int, int, int]]], width: int, size: int
) -> Image.Image:
    wrapped = [
        (row, name, colour)
        for text, name, colour in lines
        for row in _wrap(drawable(text), _font(name, size), width - 2 * size)
    ]
    step = round(1.45 * size)
    strip = Image.new("RGB", (width, step * len(wrapped) + size))
    draw = ImageDraw.Draw(strip)
    for number, (row, name, colour) in enumerate(wrapped):
        draw.text((size, size // 2 + number * step), row, fill=colour, font=_font(name, size))
    return strip


def _draw_bar(sheet: Image.Image, panel: HeatPanel, release: Release, top: int, size: int) -> None:
    """The colour bar across the strip, its ends and what they count."""
    assert release.heat_maps is not None
    draw, font = ImageDraw.Draw(sheet), _font(FAMILY, size)
    rows, columns = panel.cells
    words = f"{release.heat_maps.method}, {rows} x {columns} cells: {release.heat_maps.unit}"
    sheet.paste(colour_bar(sheet.width - 2 * size, size // 2), (size, top + size // 2))
    below = top + round(1.25 * size)
    draw.text((size, below), "0", fill=GREY, font=font)
    draw.text((sheet.width // 2, below), words, fill=GREY, font=font, anchor="ma")
    end = f"{panel.scale:.2g}"
    draw.text((sheet.width - size, below), end, fill=GREY, font=font, anchor="ra")


def _wrap(text: str, font: ImageFont.FreeTypeFont, width: int) -> list[str]:
    """Rows that fit; a word longer than a row is cut."""
    rows, row = [], ""
    for word in text.split():
        while font.getlength(word) > width:
            keep = next(n for n in range(len(word), 0, -1) if font.getlength(word[:n]) <= width)
            rows += [part for part in (row, word[:keep]) if part]
            row, word = "", word[keep:]
        longer = f"{row} {word}".strip()
        if font.getlength(longer) > width:
            rows.append(row)
            longer = word
        row = longer
    return [*rows, row]


@lru_cache(maxsize=8)
def _font(name: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(FOLDER / f"{name}.ttf", size)
