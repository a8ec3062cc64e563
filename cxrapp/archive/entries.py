"""What the archive lists, read from DICOM JSON (PS3.18 annex F): studies and their instances."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydicom.datadict import tag_for_keyword
from pydicom.uid import ComprehensiveSRStorage, DigitalXRayImageStorageForProcessing

from cxrapp.films.names import read_moment
from cxrapp.films.terms import read_body_part
from cxrapp.report.dicom_tags import SERIES_DESCRIPTION
from cxrapp.report.release import UID
from cxrapp.words import one_line

Entry = Mapping[str, Any]  # one DICOM JSON object: tag -> {"vr", "Value"}

FILM_MODALITIES = ("CR", "DX")
SCRIPTS = ("Alphabetic", "Ideographic", "Phonetic")
LAST = "99999999"  # a day after all others


@dataclass(frozen=True)
class ArchivedStudy:
    """A study as the archive lists it; what is not said is empty.

    Args:
        date, time: YYYYMMDD and HHMMSS, perhaps with a fraction.
        modalities: Of all its series.
        count: Of its instances; None where the archive does not say.
        entry: All that was said, as DICOM JSON.
    """

    uid: str
    date: str
    time: str
    modalities: tuple[str, ...]
    count: int | None
    patient_id: str = field(repr=False)
    patient_name: str = field(repr=False)
    entry: Entry = field(repr=False, compare=False)

    @property
    def asked(self) -> tuple[str, str]:
        """What sorts studies by the age of the request; those without a day come last."""
        return self.date or LAST, self.time

    @property
    def moment(self) -> datetime | None:
        """When it was made, None where that is not said."""
        clock = self.time.partition(".")[0].replace(":", "").ljust(6, "0")
        return read_moment(self.date + clock, "%Y%m%d%H%M%S")


@dataclass(frozen=True)
class ArchivedInstance:
    """An instance of a study as the archive lists it."""

    study: str
    series: str
    uid: str
    sop_class: str
    modality: str
    body_part: str
    series_description: str
    numbers: tuple[int, int]  # of the series, and in it

    @property
    def is_film(self) -> bool:
        """Whether it may be a chest film to screen: CR or DX, for reading, and no other part.

        Of an unknown part it may be; the gate looks at it.
        """
        return (
            self.modality in FILM_MODALITIES
            and self.sop_class != DigitalXRayImageStorageForProcessing
            and read_body_part(self.body_part or None) != "no"
        )

    @property
    def is_report(self) -> bool:
        """Whether it is a structured report of this program."""
        return (
            self.sop_class == ComprehensiveSRStorage
            and self.series_description == SERIES_DESCRIPTION
        )


STUDY_FIELDS = (
    *("StudyInstanceUID", "StudyDate", "StudyTime", "AccessionNumber", "StudyID"),
    *("StudyDescription", "ReferringPhysicianName", "PatientName", "PatientID", "PatientBirthDate"),
    *("PatientSex", "PatientAge", "IssuerOfPatientID", "ModalitiesInStudy"),
    "NumberOfStudyRelatedInstances",
)
INSTANCE_FIELDS = (
    *("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "Modality", "BodyPartExamined"),
    *("SeriesDescription", "SeriesNumber", "InstanceNumber"),
)


def read_study(entry: Entry) -> ArchivedStudy | None:
    """None where it has no UID to ask by."""
    uid = value(entry, "StudyInstanceUID")
    if not UID.fullmatch(uid):
        return None
    return ArchivedStudy(
        uid,
        value(entry, "StudyDate"),
        value(entry, "StudyTime"),
        tuple(_values(entry, "ModalitiesInStudy")),
        _number(entry, "NumberOfStudyRelatedInstances"),
        value(entry, "PatientID"),
        value(entry, "PatientName"),
        entry,
    )


def read_instance(study: str, entry: Entry) -> ArchivedInstance | None:
    """None where it has no UIDs to ask by."""
    uids = [value(entry, f"{part}InstanceUID") for part in ("Series", "SOP")]
    if not all(map(UID.fullmatch, uids)):
        return None
    return ArchivedInstance(
        study,
        *uids,
        value(entry, "SOPClassUID"),
        value(entry, "Modality"),
        value(entry, "BodyPartExamined"),
        value(entry, "SeriesDescription"),
        tuple(_number(entry, f"{part}Number") or 0 for part in ("Series", "Instance")),
    )


def value(entry: Entry, keyword: str) -> str:
    """The first value of an attribute as one line of text, empty where there is none."""
    return next(_values(entry, keyword), "")


def _values(entry: Entry, keyword: str) -> Iterator[str]:
    found = entry.get(f"{tag_for_keyword(keyword):08X}")
    listed = found.get("Value") if isinstance(found, Mapping) else None
    for one in listed if isinstance(listed, list) else ():
        if isinstance(one, Mapping):  # a name, in up to three scripts
            one = "=".join(str(one.get(script, "")) for script in SCRIPTS).rstrip("=")
        if isinstance(one, str | int | float):
            yield one_line(str(one))


def _number(entry: Entry, keyword: str) -> int | None:
    try:
        return int(float(value(entry, keyword)))
    except (ValueError, OverflowError):
        return None
