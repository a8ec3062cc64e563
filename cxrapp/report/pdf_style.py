"""How a PDF page looks: its colours, its type, its tables."""

from dataclasses import dataclass
from xml.sax.saxutils import escape

from reportlab.lib.styles import ParagraphStyle
from reportlab.platypus import Flowable, Paragraph, Table

from cxrapp.report.fonts import BOLD, FAMILY, drawable

# Each at least 4.5 to 1 on white paper, unlike the screen's, which must do on a dark page too.
INK, MUTED, LINE = "#0f172a", "#5b677a", "#cbd5e1"
ACCENT, POINT = "#0f766e", "#c2410c"
WARNING, REFUSAL = ("#fff7ed", POINT), ("#fef2f2", "#b91c1c")  # background, bar
MILLIMETRE = 72 / 25.4  # points
PAGE = (210 * MILLIMETRE, 297 * MILLIMETRE)
SIDE = 17 * MILLIMETRE  # margin
WIDTH = PAGE[0] - 2 * SIDE  # of what is written
LABEL = 62.0  # points, the column of labels


@dataclass(frozen=True)
class Style:
    """How a paragraph is set; sizes in points."""

    size: float = 8.0
    colour: str = INK
    font: str = FAMILY
    right: bool = False


BODY_STYLE = Style()
MUTED_STYLE = Style(6.8, MUTED)
TITLE_STYLE = Style(16, INK, BOLD)
HEADING_STYLE = Style(9.2, ACCENT, BOLD)


def paragraph(markup: str, style: Style = BODY_STYLE) -> Paragraph:
    """Reportlab's markup, every character of it in the typeface; see `safe` for other text."""
    look = ParagraphStyle(
        "look",
        fontName=style.font,
        fontSize=style.size,
        leading=1.38 * style.size,
        textColor=style.colour,
        alignment=2 if style.right else 0,
        splitLongWords=1,
    )
    return Paragraph(markup, look)


def safe(text: str) -> str:
    """Text from outside as markup that shows it as it is."""
    return escape(drawable(text))


def table(rows: list[list[Flowable | list[Flowable]]], widths: list[float]) -> Table:
    """Cells without lines or space around them; `setStyle` adds what a table needs."""
    grid = Table(rows, colWidths=widths, hAlign="LEFT")
    grid.setStyle(
        [
            *((f"{side}PADDING", (0, 0), (-1, -1), 0) for side in ("LEFT", "RIGHT")),
            *((f"{side}PADDING", (0, 0), (-1, -1), 1) for side in ("TOP", "BOTTOM")),
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ]
    )
    return grid


def callout(parts: list[Flowable], colours: tuple[str, str]) -> Table:
    """A tinted box as wide as the page, with a bar at its left.

    Args:
        colours: Of the background and of the bar.
    """
    box = table([[parts]], [WIDTH])
    box.setStyle(
        [
            ("BACKGROUND", (0, 0), (-1, -1), colours[0]),
            ("LINEBEFORE", (0, 0), (0, -1), 2.5, colours[1]),
            ("LEFTPADDING", (0, 0), (-1, -1), 9),
            ("RIGHTPADDING", (0, 0), (-1, -1), 9),
            ("TOPPADDING", (0, 0), (-1, -1), 4),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 5),
        ]
    )
    return box
