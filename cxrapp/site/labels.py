"""Labels and patients of a clinic's own films, from their folders or from a table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cxrapp.model.card import ModelCard
from cxrapp.site.folders import Answers, UnusableLabel, read_folders
from cxrapp.site.sheet import read_sheet


@dataclass(frozen=True)
class SiteLabels:
    """What is known of N films, in the order they were named. No patient's ID is kept.

    Args:
        names: N names.
        labels: (N, K) float64: 1, 0, or NaN where there is no label or the question is not defined.
        patients: (N,) int; films of one patient share a number.
        grouping: A sentence: where the patients come from.
        problems: One sentence a row, cell or film that could not be used.
    """

    names: tuple[str, ...]
    labels: np.ndarray
    patients: np.ndarray
    grouping: str
    problems: tuple[str, ...]


def read_labels(
    card: ModelCard,
    names: Sequence[str],
    csv_text: str | None = None,
    *,
    dicom_patients: Mapping[str, str | None] | None = None,
) -> SiteLabels:
    """Labels for films that have been read.

    Args:
        card: Its findings are what is asked.
        names: Of the films, such as `films.zip/NORMAL/x.png`.
        csv_text: A table with a column `file` and one a finding, see `sheet`; without
            it the folders are the labels, see `folders`.
        dicom_patients: Name of a film -> patient ID in its DICOM file, for films the table names
            no patient for.
    """
    findings, tags = card.findings, dicom_patients or {}
    problems: list[str] = []
    listed: Mapping[int, str] = {}
    if csv_text is None:
        answers = [_answer_by_folder(card, name, problems) for name in names]
    else:
        sheet = read_sheet(findings, names, csv_text)
        answers, listed = list(sheet.answers), sheet.patients
        problems += sheet.problems
        rowless = [name for i, name in enumerate(names) if i not in sheet.listed]
        problems += [f"{name}: no row of the table is about it." for name in rowless]
    labels = np.array(
        [[float(said.get(f.name, np.nan)) for f in findings] for said in answers], float
    ).reshape(len(names), len(findings))
    in_tags = {i: id_ for i, name in enumerate(names) if (id_ := (tags.get(name) or "").strip())}
    # A film without a patient is one of its own; the first of the pair keeps it off all IDs.
    own = {i: ("film", str(i)) for i in range(len(names))}
    known = {i: ("patient", id_) for i, id_ in {**in_tags, **listed}.items()}
    numbers = {key: k for k, key in enumerate(dict.fromkeys((own | known).values()))}
    patients = np.array([numbers[key] for key in (own | known).values()], int)
    used = [i for i in range(len(names)) if answers[i]]
    grouping = _describe_grouping(
        sum(i in listed for i in used),
        sum(i in in_tags and i not in listed for i in used),
        len(used),
    )
    return SiteLabels(tuple(names), labels, patients, grouping, tuple(problems))


def _answer_by_folder(card: ModelCard, name: str, problems: list[str]) -> Answers:
    try:
        answers = read_folders(card.findings, name)
    except UnusableLabel as error:
        problems.append(f"{name}: {error}.")
        return {}
    if not answers:
        problems.append(f"{name}: no folder it lies in names a finding.")
    return answers


def _describe_grouping(by_table: int, by_tags: int, films: int) -> str:
    parts = {
        "those of the table": by_table,
        "those of the DICOM files": by_tags,
        "not known": films - by_table - by_tags,
    }
    counted = {source: count for source, count in parts.items() if count}
    if not films:
        return "No film has a label."
    if len(counted) == 1:
        words = f"Patients are {next(iter(counted))}."
    else:
        words = "; ".join(f"{count:,} films: {source}" for source, count in counted.items())
        words = f"Patients of {words}."
    if not parts["not known"]:
        return words
    return (
        f"{words} A film whose patient is not known counts as a patient of its own: if several "
        "films are of one patient, the intervals are too narrow."
    )
