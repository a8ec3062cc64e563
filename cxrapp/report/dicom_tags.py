"""The tags that every DICOM object of a film shares: whose it is, what made it, and when."""

import uuid
from collections.abc import Callable
from typing import Any

from pydicom import Dataset
from pydicom.uid import generate_uid

from cxrapp import __version__
from cxrapp.model.card import ModelCard
from cxrapp.report.release import Release
from cxrapp.words import PROGRAM

LONGEST = 64  # characters of a name's group and of an LO, PS3.5 6.2
SHORT = 16  # of an SH
SERIES_DESCRIPTION = f"{PROGRAM} screening, not a diagnosis"
NO_DATE = "19000101"  # where a date is required and may not leave
CREATION_TAGS = (
    "InstanceCreationDate",
    "InstanceCreationTime",
    "DateOfSecondaryCapture",
    "TimeOfSecondaryCapture",
    "ContributionDateTime",
)


Uids = Callable[[str], str]  # what an object is, such as `REPORT` -> its UID
REPORT = "report"


def new_uid(what: str = "") -> str:
    """A UID from a random UUID, PS3.5 annex B, whatever it is for."""
    return str(generate_uid(prefix=None))


def lasting_uids(*of: str) -> Uids:
    """UIDs that are the same for the same object of the same things, whoever asks and when.

    An archive keeps one object a UID, so one that is sent twice is there once.
    """
    name = "/".join((PROGRAM, *of))
    return lambda what: f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, f'{name}/{what}').int}"


def device_uid(card: ModelCard) -> str:
    """A UID of the model, the same for the same model file."""
    return f"2.25.{int(card.sha256[:32], 16)}"


def maker_tags(card: ModelCard, release: Release) -> dict[str, Any]:
    """Arguments of every highdicom object: equipment, character set and date."""
    when = release.screened
    return {
        "manufacturer": PROGRAM,
        "manufacturer_model_name": one_value(card.name),
        "software_versions": f"{PROGRAM} {__version__}",
        "device_serial_number": card.sha256,
        "content_date": when.date() if when else NO_DATE,
        "content_time": when.time().replace(microsecond=0, tzinfo=None) if when else "000000",
        "specific_character_set": "ISO_IR 192",
    }


def source_image(release: Release, study: str, series: str) -> Dataset | None:
    """What stands for the image that was measured, where it may be named and is known.

    Args:
        study, series: For an image whose file names none.
    """
    source = release.tags.source
    if not (release.identified and source.sop_class and source.sop_instance):
        return None
    image = Dataset()
    image.SOPClassUID, image.SOPInstanceUID = source.sop_class, source.sop_instance
    image.StudyInstanceUID = release.tags.study.uid or study
    image.SeriesInstanceUID = source.series or series
    return image


def sign(dataset: Dataset, release: Release) -> None:
    """Write whose film it is, or that this was taken out, into a finished object."""
    dataset.PatientSex = release.tags.sex
    if release.tags.age_years is not None:
        dataset.PatientAge = _age(release.tags.age_years)
    if release.identified:
        study, patient = release.tags.study, release.tags.patient
        dataset.StudyDate, dataset.StudyTime = study.date, study.time
        dataset.AccessionNumber = _whole(study.accession, SHORT)
        dataset.PatientName = _name(patient.name or "")
        dataset.PatientID = _whole(patient.patient_id, LONGEST)
        dataset.PatientBirthDate = patient.birth_date
        return
    dataset.PatientName = f"CXR^{release.fingerprint}"
    dataset.PatientID = f"CXR-{release.fingerprint}"
    dataset.PatientIdentityRemoved = "YES"
    dataset.DeidentificationMethod = [
        f"Names, numbers, dates, UIDs left out by {PROGRAM}",
        "Pixels were not searched for burned-in text",
    ]
    dataset.LongitudinalTemporalInformationModified = "REMOVED"
    for part in (dataset, *dataset.ContributingEquipmentSequence):
        for keyword in CREATION_TAGS:
            if keyword in part:
                delattr(part, keyword)


def _whole(number: str | None, length: int) -> str | None:
    """A number just as the film's own file has it, a backslash too: the archive knows no other.

    A shortened one would be another patient's or order's, so it is left out.
    """
    return number if number and len(number) <= length else None


def one_value(text: str) -> str:
    """Text as one value of an LO: a backslash would start another."""
    return text.replace("\\", "/")[:LONGEST].strip()


def _name(name: str) -> str:
    """A PN: at most three groups, of at most 64 characters each."""
    groups = name.replace("\\", "/").split("=")[:3]
    return "=".join(group[:LONGEST] for group in groups)


def _age(years: float) -> str:
    """An AS, such as 004Y or 018M."""
    return f"{int(years * 12 + 1e-6):03}M" if years < 2 else f"{min(int(years), 999):03}Y"
