"""The middle of a PDF page: what the model says, how far to trust it, and its limits."""

from reportlab.platypus import Flowable, Paragraph, Spacer

from cxrapp import __version__
from cxrapp.figures.decisions import LOOKS, shown_as
from cxrapp.model.card import ModelCard
from cxrapp.model.gate import UNCHECKED
from cxrapp.report.pdf_style import (
    HEADING_STYLE,
    INK,
    LABEL,
    LINE,
    MUTED,
    MUTED_STYLE,
    WIDTH,
    Style,
    paragraph,
    safe,
    table,
)
from cxrapp.report.release import FindingResult, Release
from cxrapp.report.summary import caution_lines, finding_line, performance_line
from cxrapp.words import PROGRAM, capitalised, outcome_words, percent, rate_cells, share_words

# Column heading -> its part of the width.
COLUMNS = {
    "Finding": 0.17,
    "Decision": 0.19,
    "Probability": 0.19,
    "Threshold": 0.21,
    "Sensitivity": 0.12,
    "Specificity": 0.12,
}
NO_RESULT = (
    "No probability and no decision: the numbers of this model were measured on films unlike this "
    "one and say nothing about it."
)


def result_parts(release: Release) -> list[Flowable]:
    """The table of findings, or why there is none."""
    heading = paragraph("Result", HEADING_STYLE)
    if not release.results:
        return [heading, paragraph(NO_RESULT), Spacer(0, 13)]
    tested = release.results[0].performance[-1].cohort
    notes = [f"Sensitivity and specificity in the table are of the {tested} films."]
    notes += [
        safe(f"{capitalised(result.finding.positive)}: {performance_line(result, performance)}")
        for result in release.results
        for performance in result.performance
    ]
    notes += [safe(finding_line(r)) for r in release.results if r.prevalence is not None]
    notes = [f"<b>{safe(line)}</b>" for line in caution_lines(release)] + notes
    if len(release.answers) > 2:  # two answers are the finding itself
        answers = (f"{safe(name)} {percent(probability)}" for name, probability in release.answers)
        notes.insert(0, f"As one answer: {', '.join(answers)}.")
    return [
        heading,
        Spacer(0, 3),
        _table(release),
        Spacer(0, 4),
        *(paragraph(note, MUTED_STYLE) for note in notes),
        Spacer(0, 13),
    ]


def _table(release: Release) -> Flowable:
    head = [paragraph(name, Style(7.4, MUTED, right=k > 1)) for k, name in enumerate(COLUMNS)]
    rows = [head, *(_row(result) for result in release.results)]
    grid = table(rows, [part * WIDTH for part in COLUMNS.values()])
    grid.setStyle(
        [
            ("LINEABOVE", (0, 0), (-1, 0), 0.8, INK),
            ("LINEBELOW", (0, 0), (-1, -2), 0.5, LINE),
            ("LINEBELOW", (0, -1), (-1, -1), 0.8, INK),
            ("TOPPADDING", (0, 0), (-1, -1), 3),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 4),
            ("LEFTPADDING", (1, 0), (-1, -1), 6),
        ]
    )
    return grid


def _row(result: FindingResult) -> list[Paragraph]:
    finding = result.finding
    outcome, meaning = outcome_words(finding, result.outcome)
    look = LOOKS[shown_as(finding, result.outcome)]
    said = f"{look.sign} {capitalised(outcome)}"
    tested = result.performance[-1]
    return [
        paragraph(f"<b>{safe(capitalised(finding.positive))}</b>"),
        _lines(f'<font color="{look.light}"><b>{safe(said)}</b></font>', safe(meaning)),
        _lines(*_probability_cells(result), right=True),
        _lines(percent(result.threshold), safe(result.goal or ""), right=True),
        _lines(*rate_cells(tested.sensitivity), right=True),
        _lines(*rate_cells(tested.specificity), right=True),
    ]


def _probability_cells(result: FindingResult) -> tuple[str, str]:
    if not result.asked:
        return "–", ""
    given = result.finding.given
    below = [f"{percent(result.joint)} overall"] if given else []
    if result.prevalence is not None:
        below.append(f"where {share_words(result.prevalence)} have it")
    return f"<b>{percent(result.ward)}</b>{f' if {safe(given)}' if given else ''}", ", ".join(below)


def _lines(first: str, second: str = "", *, right: bool = False) -> Paragraph:
    """A cell: a figure, and below it, smaller, what goes with it."""
    below = f'<br/><font size="6.8" color="{MUTED}">{second}</font>' if second else ""
    return paragraph(first + below, Style(right=right))


def model_parts(card: ModelCard) -> list[Flowable]:
    """Which model it was, what it is for, and where its numbers end."""
    facts = {
        "Model": f"<b>{safe(card.name)}</b>, run by {PROGRAM} {__version__}",
        "SHA-256": safe(card.sha256),
        "For": safe(card.intended_use),
        "Not for": safe(" ".join(card.out_of_scope)),
        "Limits": safe(" ".join((*card.limits, UNCHECKED))),
    }
    small = Style(7.2)
    rows = [
        [paragraph(name, Style(7.2, MUTED)), paragraph(text, small)] for name, text in facts.items()
    ]
    return [
        paragraph("Model and limits", HEADING_STYLE),
        Spacer(0, 2),
        table(rows, [LABEL, WIDTH - LABEL]),
    ]
