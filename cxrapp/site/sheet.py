"""A table of labels, as a clinic exports it from a spreadsheet: a row a film."""

import csv
import io
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cxrapp.errors import UnusableTable
from cxrapp.films.names import decode_text
from cxrapp.model.card import Finding
from cxrapp.site.folders import Answers, UnusableLabel, fold, given_of, read_answer
from cxrapp.site.names import FilmNames

FILE_HEADERS = ("file", "filename", "file name", "film", "image", "path")
PATIENT_HEADERS = ("patient", "patient id", "patientid")
DELIMITERS = (",", ";", "\t")
SHOWN = 8  # columns of an unusable table
FILE, PATIENT = " file", " patient"  # roles of columns; no finding's name begins with a space


@dataclass(frozen=True)
class Sheet:
    """What a table says of the films it was read for.

    Args:
        answers: Per film, in their order; empty where there is no label.
        listed: Positions of the films that have a row.
        patients: Position of a film -> its patient, where the table names one.
        problems: One sentence a row or cell that could not be used.
    """

    answers: tuple[Answers, ...]
    listed: frozenset[int]
    patients: Mapping[int, str]
    problems: tuple[str, ...]


@dataclass
class _Film:
    """All that the rows of one film say."""

    rows: list[str] = field(default_factory=list)
    labels: dict[str, set[bool]] = field(default_factory=lambda: defaultdict(set))
    patients: list[str] = field(default_factory=list)


def decode_sheet(data: bytes) -> str:
    """The text of a table: UTF-8 or UTF-16 by their marks, else what Excel writes."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", errors="replace")
    return decode_text(data.removeprefix(b"\xef\xbb\xbf"))


def check_sheet(findings: Sequence[Finding], text: str) -> None:
    """That a table has what labels are read from, before any film is screened for it.

    Raises:
        UnusableTable: It has not; the message says what was looked for.
    """
    rows, _, problems = _split_rows(text)
    if not _read_header(findings, rows[0] if rows else [], problems):
        raise UnusableTable(problems[-1])


def read_sheet(findings: Sequence[Finding], names: Sequence[str], text: str) -> Sheet:
    """Read labels for the films `names`.

    The first row names the columns: `file`, any of the findings, and `patient` if there is one.
    Cells are 1, 0, yes, no, positive, negative or empty; an uncertain one (CheXpert's -1, 0.5, a
    question mark) is no label, and named. A finding asked only given another is undefined where
    that is absent; a no there is what a table without gaps looks like, and is passed over. Two rows
    of one film add up, unless they contradict each other.
    """
    rows, above, problems = _split_rows(text)
    roles = _read_header(findings, rows[0] if rows else [], problems)
    lookup, films = FilmNames(names), dict[int, _Film]()
    for number, row in enumerate(rows[1:], start=2 + above):
        if roles and any(cell.strip() for cell in row):
            try:
                cells = _name_cells(roles, row)
                film = films.setdefault(lookup.find(cells[FILE]), _Film())
            except UnusableLabel as error:
                named = dict(zip(roles, row, strict=False)).get(FILE, "").strip()
                problems.append(f"Row {number}{f' ({named})' if named else ''}: {error}.")
                continue
            problems += _add_row(film, number, cells)
    answers = tuple(
        _settle(findings, films[i], f"{name}, row {' and '.join(films[i].rows)}", problems)
        if i in films
        else {}
        for i, name in enumerate(names)
    )
    patients = {i: film.patients[0] for i, film in films.items() if film.patients}
    return Sheet(answers, frozenset(films), patients, tuple(problems))


def _split_rows(text: str) -> tuple[list[list[str]], int, list[str]]:
    """Rows from the header on, how many lines stand above it, and what is wrong.

    Excel writes and reads a line `sep=;` in front where the delimiter is not the country's own.
    """
    lines = io.StringIO(text.removeprefix("\ufeff").lstrip(), newline="")
    first = lines.readline()
    told = re.fullmatch(r'"?sep=([,;|\t])"?', first.rstrip("\r\n"), re.IGNORECASE)
    if not told:
        lines.seek(0)
    delimiter = told[1] if told else max(DELIMITERS, key=first.count)
    reader = csv.reader(lines, delimiter=delimiter)
    rows: list[list[str]] = []
    try:
        rows.extend(reader)
    except csv.Error as error:
        return rows, bool(told), [f"The table cannot be read beyond row {len(rows)} ({error})."]
    return rows, bool(told), []


def _read_header(
    findings: Sequence[Finding], titles: Sequence[str], problems: list[str]
) -> tuple[str, ...]:
    """The role of each column: FILE, PATIENT, a finding or nothing. No roles: cannot be used."""
    known = dict.fromkeys(FILE_HEADERS, FILE) | dict.fromkeys(PATIENT_HEADERS, PATIENT)
    for finding in findings:
        known |= {fold(finding.positive): finding.name, fold(finding.name): finding.name}
    roles = tuple(known.get(fold(title), "") for title in titles)
    names = [finding.name for finding in findings]
    found = ", ".join(repr(title.strip()) for title in titles[:SHOWN]) or "none"
    if FILE not in roles:
        others = ", ".join(FILE_HEADERS[1:])
        problems.append(
            f"The table cannot be used: no column is named `file` (or {others}); it has {found}."
        )
    elif not set(roles) & set(names):
        problems.append(
            f"The table cannot be used: no column is named {' or '.join(names)}; it has {found}."
        )
    elif any(roles.count(role) > 1 for role in (FILE, PATIENT, *names)):
        problems.append("The table cannot be used: two of its columns are for the same thing.")
    else:
        unread = [title for title, role in zip(titles, roles, strict=True) if not role and title]
        problems += [f"The column {title!r} is not known and was not read." for title in unread]
        return roles
    return ()


def _name_cells(roles: Sequence[str], row: Sequence[str]) -> dict[str, str]:
    if any(cell.strip() for cell in row[len(roles) :]):
        raise UnusableLabel("it has more cells than the first row has columns")
    filled = [*row, *[""] * len(roles)]
    cells = {role: cell.strip() for role, cell in zip(roles, filled, strict=False) if role}
    if not cells[FILE]:
        raise UnusableLabel("it names no file")
    return cells


def _add_row(film: _Film, number: int, cells: Mapping[str, str]) -> list[str]:
    """Take over what a row says; the sentences are of cells that say nothing that is known."""
    film.rows.append(str(number))
    problems = []
    values = {role: cell for role, cell in cells.items() if role not in (FILE, PATIENT)}
    for finding, cell in values.items():
        answer = read_answer(cell)
        if answer is not None:
            film.labels[finding].add(answer)
        elif cell:
            problems.append(
                f"Row {number} ({cells[FILE]}): {cell!r} under {finding} is not 1, 0, yes, no, "
                "positive, negative or empty, so the film has no label for it."
            )
    if not any(values.values()):
        problems.append(f"Row {number} ({cells[FILE]}): it has no label.")
    if cells.get(PATIENT) and cells[PATIENT] not in film.patients:
        film.patients.append(cells[PATIENT])
    return problems


def _settle(findings: Sequence[Finding], film: _Film, where: str, problems: list[str]) -> Answers:
    """One answer a finding, with what follows from it for the findings it is asked of."""
    if len(film.patients) > 1:
        problems.append(f"{where}: it has two patients; the first is used.")
    clashing = {finding for finding, values in film.labels.items() if len(values) > 1}
    for finding in sorted(clashing):
        problems.append(f"{where}: it has two labels for {finding}; neither is used.")
    answers = {finding: True in values for finding, values in film.labels.items()}
    for finding in reversed(findings):  # a finding comes after the one it is asked of
        name, given = finding.name, finding.given
        if given is None or name not in answers:
            continue
        if answers.get(given) is False and given not in clashing:
            if answers.pop(name) and name not in clashing:
                del answers[given]
                problems.append(f"{where}: {name} without {given} is two labels; neither is used.")
        elif given not in answers and answers[name] and name not in clashing:
            answers[given] = True
        elif given not in answers:
            del answers[name]
            problems.append(f"{where}: {name} cannot be used without a label for {given}.")
    sound = {name: label for name, label in answers.items() if name not in clashing}
    return {
        name: label
        for name, label in sound.items()
        if all(sound.get(given) for given in given_of(findings, name))
    }
