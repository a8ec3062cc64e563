"""The top of a PDF page: whose film it is, and what the gate said of it."""

import os

from reportlab.platypus import Flowable, HRFlowable, Spacer

from cxrapp.report.pdf_style import (
    ACCENT,
    BODY_STYLE,
    LABEL,
    MUTED,
    REFUSAL,
    TITLE_STYLE,
    WARNING,
    WIDTH,
    Style,
    callout,
    paragraph,
    safe,
    table,
)
from cxrapp.report.release import OLDEST, Release
from cxrapp.words import SEXES, TITLE, age_words, date_words, person_words, shorten

VARIABLE = "CXR_HOSPITAL"  # of the environment: the name at the head of each page
MAX_NAME = 90  # characters on the page; JSON has the whole


def heading_parts(release: Release) -> list[Flowable]:
    """Title, whose film it is, and what the gate said of it."""
    hospital = safe(os.environ.get(VARIABLE, ""))
    right = paragraph(
        f"<b>{hospital}</b>{'<br/>' * bool(hospital)}Preliminary, to be confirmed by a physician",
        Style(7.5, MUTED, right=True),
    )
    title = table([[paragraph(TITLE, TITLE_STYLE), right]], [0.6 * WIDTH, 0.4 * WIDTH])
    title.setStyle([("VALIGN", (0, 0), (-1, -1), "BOTTOM")])
    facts, long = _facts(release)
    facts += [("", "")] * (len(facts) % 2)
    half = len(facts) // 2
    rows = [_cells(*pair) for pair in zip(facts[:half], facts[half:], strict=True)]
    value = WIDTH / 2 - LABEL
    return [
        title,
        HRFlowable(width="100%", thickness=1.2, color=ACCENT, spaceBefore=3, spaceAfter=5),
        table(rows, [LABEL, value, LABEL, value]),
        table([_cells(fact) for fact in long], [LABEL, WIDTH - LABEL]),
        Spacer(0, 8),
        *_gate_parts(release),
    ]


def _cells(*facts: tuple[str, str]) -> list[Flowable]:
    """A row: each fact's label, and what it says."""
    label = Style(BODY_STYLE.size, MUTED)
    return [cell for name, text in facts for cell in (paragraph(name, label), paragraph(text))]


def _facts(release: Release) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """(label, markup) of what is known of film and patient: the short, and those of a line."""
    tags = release.tags
    person, study = tags.patient, tags.study
    age = None if tags.age_years is None else age_words(tags.age_years)
    if age and not release.identified and tags.age_years == OLDEST:
        age = "90 years or older"
    sex = tags.sex and SEXES[tags.sex]
    facts = {
        "Patient": person.name and shorten(person_words(person.name), MAX_NAME),
        "Patient ID": person.patient_id and shorten(person.patient_id, MAX_NAME),
        "Born": person.birth_date and date_words(person.birth_date),
        "Sex, age": ", ".join(word for word in (sex, age) if word) or "not stated",
        "Accession": study.accession,
        "Study date": study.date and date_words(study.date),
        "Kind of film": " ".join(w for w in (tags.modality, tags.view) if w) or "not stated",
        "Screened": release.screened and f"{release.screened:%Y-%m-%d %H:%M %Z}",
    }
    long = {
        "Film": shorten(release.film, MAX_NAME),
        "Study UID": study.uid,
        "Identity": None if release.identified else "left out; the film is named by its pixels",
    }
    return _stated(facts), _stated(long)


def _stated(facts: dict[str, str | None]) -> list[tuple[str, str]]:
    return [(name, safe(value)) for name, value in facts.items() if value]


def _gate_parts(release: Release) -> list[Flowable]:
    words, level = release.gate_words, release.verdict.level
    if level == "accept":
        return [paragraph(f"<b>Film check:</b> {words[0].lower()}{words[1:]}."), Spacer(0, 13)]
    colours = WARNING if level == "warn" else REFUSAL
    reasons = [paragraph(safe(reason)) for reason in release.verdict.reasons]
    heading = paragraph(f"<b>{words}</b>", Style(8.5, colours[1]))
    return [callout([heading, *reasons], colours), Spacer(0, 13)]
