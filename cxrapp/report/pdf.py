"""Results as a PDF: one A4 page a film, to sign and to file."""

import io
from collections.abc import Sequence

from reportlab.pdfbase.pdfmetrics import registerFont, registerFontFamily
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, KeepInFrame, Spacer

from cxrapp import __version__
from cxrapp.model.card import ModelCard
from cxrapp.report.fonts import BOLD, FAMILY, FOLDER, drawable
from cxrapp.report.pdf_heading import heading_parts
from cxrapp.report.pdf_pictures import picture_parts
from cxrapp.report.pdf_result import model_parts, result_parts
from cxrapp.report.pdf_style import (
    ACCENT,
    HEADING_STYLE,
    INK,
    LINE,
    MILLIMETRE,
    MUTED,
    MUTED_STYLE,
    PAGE,
    SIDE,
    WIDTH,
    Style,
    callout,
    paragraph,
    safe,
    table,
)
from cxrapp.report.release import Release
from cxrapp.words import NOT_A_DIAGNOSIS, PROGRAM, TITLE, shorten

TOP, BOTTOM = 14 * MILLIMETRE, 14 * MILLIMETRE
GAP = 8.0  # points around the line at the foot
SIGNING_SPACE = 30.0  # points above the line
PICTURES = (225.0, 190.0, 160.0, 130.0)  # points: a tall film gives way, not the page's width
MAX_COMMENT = 300  # characters on the page; JSON has the whole
NOTICE = ("#f0fdfa", ACCENT)  # background, bar
FOOTING = 66 * MILLIMETRE  # reader, signature, the fixed sentence, page number


def write(card: ModelCard, releases: Sequence[Release]) -> bytes:
    """A PDF with one page a film, its typeface embedded."""
    _register_fonts()
    buffer = io.BytesIO()
    # Invariant: no creation date, which would be the day of the visit.
    canvas = Canvas(buffer, pagesize=PAGE, invariant=1, pageCompression=1, lang="en")
    canvas.setTitle(TITLE)
    canvas.setAuthor(f"{PROGRAM} {__version__}")
    canvas.setSubject(NOT_A_DIAGNOSIS)
    for number, release in enumerate(releases, start=1):
        _draw_body(canvas, card, release)
        _draw_footing(canvas, release, number, len(releases))
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def _register_fonts() -> None:
    for name in (FAMILY, BOLD):
        registerFont(TTFont(name, FOLDER / f"{name}.ttf"))
    registerFontFamily(FAMILY, normal=FAMILY, bold=BOLD, italic=FAMILY, boldItalic=BOLD)


def _draw_body(canvas: Canvas, card: ModelCard, release: Release) -> None:
    room = PAGE[1] - TOP - FOOTING
    for tallest in PICTURES:
        parts = [
            *heading_parts(release),
            *picture_parts(card, release, tallest),
            *result_parts(release),
            *model_parts(card),
        ]
        if _fitted(canvas, parts, 10 * PAGE[1])[1] <= room:
            break
    body, height = _fitted(canvas, parts, room)
    body.drawOn(canvas, SIDE, PAGE[1] - TOP - height)


def _draw_footing(canvas: Canvas, release: Release, number: int, pages: int) -> None:
    parts = _footing_parts(release)
    footing, _ = _fitted(canvas, parts, FOOTING - BOTTOM - 2 * GAP)
    footing.drawOn(canvas, SIDE, BOTTOM + GAP)
    canvas.setStrokeColor(LINE)
    canvas.setLineWidth(0.5)
    canvas.line(SIDE, BOTTOM, SIDE + WIDTH, BOTTOM)
    canvas.setFont(FAMILY, 6.8)
    canvas.setFillColor(MUTED)
    below = BOTTOM - GAP - 1
    canvas.drawString(SIDE, below, drawable(shorten(release.film, 80)))
    canvas.drawRightString(SIDE + WIDTH, below, f"Page {number} of {pages}")


def _footing_parts(release: Release) -> list[Flowable]:
    """Reader's call, signature and date, and the sentence every page bears."""
    gap = 14.0
    widths = [0.5 * WIDTH - gap, gap, 0.3 * WIDTH - gap, gap, 0.2 * WIDTH]
    names = ("Physician, name and signature", "", "Department", "", "Date")
    line = table([["", "", "", "", ""], [paragraph(name, MUTED_STYLE) for name in names]], widths)
    line.setStyle(
        [("LINEABOVE", (k, 1), (k, 1), 0.6, INK) for k in (0, 2, 4)]
        + [("TOPPADDING", (0, 0), (-1, 0), SIGNING_SPACE)]
    )
    return [
        paragraph("Reader", HEADING_STYLE),
        paragraph(_call(release)),
        *_comment(release),
        line,
        Spacer(0, 7),
        callout([paragraph(f"<b>{NOT_A_DIAGNOSIS}</b>", Style(7.6, INK))], NOTICE),
    ]


def _call(release: Release) -> str:
    if release.reader_call is None:
        return f"<font color='{MUTED}'>No call was recorded.</font>"
    return f"Call: <b>{release.reader_call}</b>"


def _comment(release: Release) -> list[Flowable]:
    if not release.comment:
        return []
    return [paragraph(f"Comment: {safe(shorten(release.comment, MAX_COMMENT))}")]


def _fitted(canvas: Canvas, parts: list[Flowable], height: float) -> tuple[Flowable, float]:
    """Parts as one, made smaller as a whole where they would not fit, and how tall that is."""
    whole = KeepInFrame(WIDTH, height, parts, mode="shrink")
    return whole, whole.wrapOn(canvas, WIDTH, height)[1]
