"""The pictures of a PDF page: the film, its heat maps beside it, and their colour bar."""

import io

from PIL import Image
from reportlab.platypus import Flowable, Spacer
from reportlab.platypus import Image as Picture

from cxrapp.model.card import ModelCard
from cxrapp.report.pdf_style import MUTED_STYLE, WIDTH, paragraph, safe, table
from cxrapp.report.pictures import HeatPanel, colour_bar, fit, heat_panels
from cxrapp.report.release import Release
from cxrapp.report.summary import agreement_line, lung_lines

SIDE = 1000  # pixels of the long side: 300 to the inch at the size it is printed
GAP = 9.0  # points between pictures
BAR = 150.0  # points, the length of the colour bar


def picture_parts(card: ModelCard, release: Release, tallest: float) -> list[Flowable]:
    """The row of pictures, each at most `tallest` points, and below it what the colours mean."""
    panels = heat_panels(card, release, SIDE)
    pictures = [fit(release.picture, SIDE), *(panel.picture for panel in panels)]
    columns = max(len(pictures), 2)  # a film alone does not fill the page
    cell = (WIDTH - GAP * (columns - 1)) / columns
    titles = ["Film", *(f"What speaks for {panel.result.finding.positive}" for panel in panels)]
    rows = [
        [paragraph(f"<b>{safe(title)}</b>") for title in titles],
        [_image(picture, cell, tallest) for picture in pictures],
    ]
    row = table(rows, [cell + GAP] * (len(pictures) - 1) + [cell])
    return [row, Spacer(0, 4), *_legend(release, panels), Spacer(0, 13)]


def _legend(release: Release, panels: list[HeatPanel]) -> list[Flowable]:
    if not panels or release.heat_maps is None:
        words = "none was made for this report" if release.results else "withheld"
        return [paragraph(f"Heat map: {words}.", MUTED_STYLE)]
    rows, columns = panels[0].cells
    unit = release.heat_maps.unit
    scale = [
        paragraph("0", MUTED_STYLE),
        _embedded(colour_bar(256, 4), BAR, 6),
        paragraph(f"{panels[0].scale:.2g} {safe(unit)}", MUTED_STYLE),
    ]
    bar = table([scale], [9, BAR + 6, WIDTH - BAR - 15])
    bar.setStyle([("VALIGN", (0, 0), (-1, -1), "MIDDLE")])
    empty = [panel.result.finding.positive for panel in panels if panel.empty]
    words = (
        f"{release.heat_maps.method}, {rows} x {columns} cells smoothed; the scale is this film's, "
        "shared by its findings. It shows what moved the score, not where disease is."
    )
    agreements = (agreement_line(release, k) for k in range(len(release.results)))
    words += "".join(f" {line}" for line in (*lung_lines(release), *filter(None, agreements)))
    words += "".join(f" No positive evidence for {name} anywhere on this film." for name in empty)
    return [bar, paragraph(safe(words), MUTED_STYLE)]


def _image(picture: Image.Image, cell: float, tallest: float) -> Flowable:
    scale = min(cell / picture.width, tallest / picture.height)
    return _embedded(picture, picture.width * scale, picture.height * scale)


def _embedded(picture: Image.Image, width: float, height: float) -> Flowable:
    """As JPEG, which a PDF holds as it is: a page of films stays well below a megabyte."""
    data = io.BytesIO()
    picture.save(data, "JPEG", quality=92, subsampling=0)
    return Picture(io.BytesIO(data.getvalue()), width, height, hAlign="LEFT")
