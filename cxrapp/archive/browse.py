"""The archive as a reader looks through it: studies with their films, priors and results."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Literal

from cxrapp.archive.client import Archive
from cxrapp.archive.entries import FILM_MODALITIES, ArchivedInstance, ArchivedStudy, value
from cxrapp.archive.reports import ArchivedResult, read_result, result_objects
from cxrapp.errors import ArchiveFault
from cxrapp.model.card import ModelCard
from cxrapp.report.case import Case

Period = Literal["Last night", "Today", "Last 7 days", "Any time"]
EVENING = time(18)  # when last night began
MOST = 100  # studies listed
PRIORS = 2  # studies opened beside one, the latest before it

Known = dict[str, Any]  # what one reader's session has seen: studies by UID, results by UID


@dataclass(frozen=True)
class Search:
    """What to look for; what is empty does not matter.

    Args:
        days: The first and the last; None goes by the period.
        patient: A number, or part of a name.
    """

    period: Period = "Last night"
    days: tuple[date, date] | None = None
    patient: str = ""
    accession: str = ""
    modalities: tuple[str, ...] = FILM_MODALITIES


@dataclass(frozen=True)
class Listed:
    """A study with chest films, and the most urgent of the results that stand beside them."""

    study: ArchivedStudy
    films: tuple[ArchivedInstance, ...]
    result: ArchivedResult | None

    @property
    def urgency(self) -> tuple[int, float]:
        """Sorts the most urgent first; what has no result comes after all that have an answer."""
        return self.result.urgency if self.result else (3, 0.0)


def find(archive: Archive, search: Search, now: datetime, known: Known) -> tuple[list[Listed], int]:
    """The latest studies that match, and how many more there are.

    Args:
        known: Filled here, so that what has not changed is asked for once.
    """
    start, days = _span(search, now)
    # Names hold no digits, and hardly a hospital's numbers hold none.
    numbered = any(map(str.isdigit, search.patient))
    filters = {"PatientID" if numbered else "PatientName": search.patient.strip()}
    if filters.get("PatientName"):
        filters = {"PatientName": f"*{filters['PatientName'].replace(' ', '*')}*"}
    filters["AccessionNumber"] = search.accession.strip()
    wanted = {keyword: what for keyword, what in filters.items() if what}
    studies = [
        study
        for study in archive.find_studies(days=days, modalities=search.modalities, **wanted)
        if not (start and study.moment and study.moment < start)
    ]
    latest = sorted(studies, key=lambda study: (study.date, study.time), reverse=True)
    listed = (_list(archive, study, known) for study in latest[:MOST])
    return [one for one in listed if one.films], len(latest[MOST:])


def find_priors(archive: Archive, study: ArchivedStudy, known: Known) -> list[Listed]:
    """The latest earlier studies of the same patient, the latest first."""
    if not study.patient_id or not study.moment:
        return []
    earlier = [
        other
        for other in archive.find_studies(
            days=(None, study.moment.date()), PatientID=study.patient_id
        )
        if other.asked < study.asked
        and other.patient_id == study.patient_id  # and not one that only begins like it
        and value(other.entry, "IssuerOfPatientID") == value(study.entry, "IssuerOfPatientID")
    ]
    listed = (_list(archive, other, known) for other in reversed(earlier))
    return [one for one in listed if one.films][:PRIORS]


def send(archive: Archive, card: ModelCard, case: Case) -> None:
    """Put one film's report and pictures beside it.

    Raises:
        ArchiveFault: The archive does not have the film, or does not take them.
    """
    uid, instance = case.tags.study.uid or "", case.tags.source.sop_instance or ""
    found = archive.find_studies(StudyInstanceUID=uid) if uid and instance else []
    studies = [study for study in found if study.uid == uid]
    if not studies or not archive.holds(uid, instance):
        raise ArchiveFault("The film is not in the archive, so its result cannot stand beside it.")
    archive.store(uid, result_objects(card, case, studies[0].entry, ("sr", "sc")))


def _list(archive: Archive, study: ArchivedStudy, known: Known) -> Listed:
    """Asked for anew where the number of the study's instances has changed."""
    before = known.get(study.uid)
    if before and study.count is not None and before.study.count == study.count:
        return before
    instances = archive.list_instances(study.uid)
    results = sorted(_results(archive, instances, known), key=lambda result: result.urgency)
    films = tuple(one for one in instances if one.is_film)
    known[study.uid] = Listed(study, films, results[0] if results else None)
    return known[study.uid]


def _results(
    archive: Archive, instances: list[ArchivedInstance], known: Known
) -> Iterator[ArchivedResult]:
    for one in instances:
        if not one.is_report:
            continue
        if one.uid not in known:
            known[one.uid] = read_result(archive.read_contents(one))
        if known[one.uid]:
            yield known[one.uid]


def _span(search: Search, now: datetime) -> tuple[datetime | None, tuple[date | None, date | None]]:
    """The first moment that counts, and the days to ask for; open at the end, as clocks differ."""
    if search.days:
        return None, search.days
    today = now.date()
    if search.period == "Last night":
        start = datetime.combine(today - timedelta(days=1), EVENING)
        return start, (start.date(), None)
    first = {"Today": today, "Last 7 days": today - timedelta(days=6)}.get(search.period)
    return None, (first, None)
