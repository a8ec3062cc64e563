"""What goes into the archive about a film, and what is read back from there.

A film's report and pictures have UIDs made of the bundle and the film's own instance. So whether a
film is done stands in the archive itself, and two programs that send the same leave it there once.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from pydicom import Dataset

from cxrapp.archive.entries import Entry, value
from cxrapp.model.card import ModelCard
from cxrapp.model.decision import Call, Outcome, decide, default_settings
from cxrapp.model.gate import Level
from cxrapp.report import codes
from cxrapp.report.case import Case
from cxrapp.report.dicom_tags import REPORT, Uids, lasting_uids
from cxrapp.report.release import Points, release_cases

KINDS = ("sr", "sc")  # structured report, secondary capture
CAPTURE = "capture 1"  # there is one of every film
# What says whose a study is stays as the archive has it, beside what the film's own file says.
OF_STUDY = (
    *("PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex"),
    *("StudyDate", "StudyTime", "StudyID", "AccessionNumber", "StudyDescription"),
    "ReferringPhysicianName",
)


def last_uid(card: ModelCard, instance: str, kinds: Collection[str]) -> str:
    """The UID of what is sent last of a film at the card's own settings: once there, it is done.

    Args:
        instance: SOP Instance UID of the film.
        kinds: Of `KINDS`, what is sent.
    """
    return lasting_uids(card.sha256, instance)(REPORT if "sr" in kinds else CAPTURE)


def result_objects(
    card: ModelCard,
    case: Case,
    study: Entry,
    kinds: Collection[str],
    measured: Points | None = None,
) -> list[Dataset]:
    """What is sent of one film, in the order in which it is sent.

    With the patient's identity, as it goes nowhere but where the film is from. A refused film has
    no picture, unless pictures are all that is sent.

    Args:
        study: As the archive lists it.
        measured: See `release_cases`.
    """
    # Here, as it loads the libraries that write DICOM, and most who come here only ask.
    from cxrapp.report.dicom_files import dicom_objects

    (release,) = release_cases(card, [case], identified=True, measured=measured)
    uids = _uids(card, case)
    captured = "sc" in kinds and not (case.withheld and "sr" in kinds)
    captures, report = dicom_objects(card, release, uids, captured=captured)
    objects = [*reversed(captures), *([report] if "sr" in kinds else [])]
    for dataset in objects:
        _join(dataset, study)
    return objects


def _uids(card: ModelCard, case: Case) -> Uids:
    """The same for the same answer: a reader's own settings and calls make it another one."""
    plain = decide(card, [one.probability for one in case.decisions], default_settings(card))
    own = (
        [] if case.decisions == plain else [(d.threshold, d.outcome) for d in case.decisions],
        case.reader_call,
        case.overruled,
        sorted(case.prevalences.items()),
    )
    said = [repr(own)] if any(own) else []
    return lasting_uids(card.sha256, case.tags.source.sop_instance or "", *said)


def _join(dataset: Dataset, study: Entry) -> None:
    for keyword in OF_STUDY:
        if said := value(study, keyword):
            setattr(dataset, keyword, said)


@dataclass(frozen=True)
class ArchivedResult:
    """What a report in the archive says of a film.

    Args:
        sha256: Of the bundle.
        finding: The first one, as the report calls it; empty where the film was refused.
        probability: In [0, 1], None where the film was refused.
    """

    sha256: str
    level: Level
    finding: str
    outcome: Outcome | None
    probability: float | None
    reader_call: Call | None

    @property
    def urgency(self) -> tuple[int, float]:
        """Sorts the most urgent first, and what has no answer last."""
        rank = {"positive": 0, "undecided": 1, "negative": 2}.get(self.outcome or "", 3)
        return rank, -(self.probability or 0)


def read_result(contents: Entry) -> ArchivedResult | None:
    """A report of this program, from its DICOM JSON; None where it is none that can be read."""
    said: dict[str, str] = {}
    for name, answer in _items(contents):
        said.setdefault(name, answer)  # the first finding's
    level = _meant(codes.VERDICTS, said.get(codes.FILM_CHECK.code)) or (
        "refuse" if said.get(codes.FILM_CHECK.code) == codes.OVERRULED.code else None
    )
    if level is None:
        return None
    outcome = _meant(codes.OUTCOMES, said.get(codes.DECISION.code))
    try:
        probability = float(said[codes.PROBABILITY.code]) if outcome else None
    except (KeyError, ValueError):
        return None
    return ArchivedResult(
        value(contents, "DeviceSerialNumber"),
        level,
        said.get(FINDING, "") if outcome else "",
        outcome,
        probability,
        _meant(codes.CALLS, said.get(codes.READER.code)),
    )


FINDING = "121071"  # DCM, "Finding", what a group of measurements is about


def _items(entry: Any) -> Iterator[tuple[str, str]]:
    """(code of the question, answer) of every item that has one, from the top down."""
    if not isinstance(entry, dict):
        return
    name, _ = _coded(entry, "0040A043")
    code, meaning = _coded(entry, "0040A168")
    if name and code:
        yield name, meaning if name == FINDING else code
    for measured in _sequence(entry, "0040A300"):
        if name and (number := value(measured, "NumericValue")):
            yield name, number
    for item in _sequence(entry, "0040A730"):
        yield from _items(item)


def _coded(entry: Entry, tag: str) -> tuple[str, str]:
    """Code and meaning of the first item of a sequence of codes."""
    for item in _sequence(entry, tag):
        return value(item, "CodeValue"), value(item, "CodeMeaning")
    return "", ""


def _sequence(entry: Entry, tag: str) -> list[dict[str, Any]]:
    found = entry.get(tag)
    items = found.get("Value") if isinstance(found, dict) else None
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _meant(table: dict[Any, codes.Concept], code: str | None) -> Any:
    return next((meaning for meaning, concept in table.items() if concept.code == code), None)
