"""The foot of a PDF page: the reader's call, a line to sign on, and the fixed sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cxrapp.report.pdf_style import (
    ACCENT,
    HEADING_STYLE,
    INK,
    MUTED,
    MUTED_STYLE,
    Style,
    callout,
    paragraph,
    table,
)
from cxrapp.report.release import Release
from cxrapp.words import NOT_A_DIAGNOSIS

if TYPE_CHECKING:
    from reportlab.platypus import Flowable

SIGNING_SPACE = 30.0  # points above the line
NOTICE = ("#f0fdfa", ACCENT)


def footing_parts(release: Release, width: float) -> list[Flowable]:
    """Reader's call, signature and date, and the sentence every page bears."""
    from reportlab.platypus import Spacer

    gap = 14.0
    widths = [0.5 * width - gap, gap, 0.3 * width - gap, gap, 0.2 * width]
    names = ("Physician, name and signature", "", "Department", "", "Date")
    line = table(
        [["", "", "", "", ""], [paragraph(name, MUTED_STYLE) for name in names]],
        widths,
    )
    line.setStyle(
        [("LINEABOVE", (k, 1), (k, 1), 0.6, INK) for k in (0, 2, 4)]
        + [("TOPPADDING", (0, 0), (-1, 0), SIGNING_SPACE)]
    )
    return [
        paragraph("Reader", HEADING_STYLE),
        paragraph(_call(release)),
        line,
        Spacer(0, 7),
        callout([paragraph(f"<b>{NOT_A_DIAGNOSIS}</b>", Style(7.6, INK))], width, NOTICE),
    ]


def _call(release: Release) -> str:
    if release.reader_call is None:
        return f"<font color='{MUTED}'>No call was recorded.</font>"
    return f"Call: <b>{release.reader_call}</b>"
