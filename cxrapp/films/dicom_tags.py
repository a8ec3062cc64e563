"""What a DICOM file's tags say, read as machines write them rather than as they should."""

import math
import re
from datetime import date

from pydicom import Dataset
from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.multival import MultiValue

from cxrapp.films.radiograph import Patient, Source, Study, Tags
from cxrapp.films.terms import AGE_UNITS, fold_term, read_body_part, read_view

LONGEST = 64  # characters of a coded text or an identifier
OLDEST = 110  # years; a birth date before that stands for an unknown one
VIEW_NAMES = {"other": "LATERAL OR OBLIQUE", "frontal": "FRONTAL"}  # the others are their own
TAKEN = (  # when the film was taken; all are within days of each other
    "StudyDate",
    "AcquisitionDate",
    "SeriesDate",
    "ContentDate",
    "AcquisitionDateTime",
)


def read_tags(dataset: Dataset) -> Tags:
    """All that is asked of a film's file; what cannot be read is not stated."""
    return Tags(
        age_years=_age(dataset),
        sex=read_text(dataset, "PatientSex"),
        view=_view(dataset),
        modality=read_text(dataset, "Modality"),
        body_part=_body_part(dataset),
        study=Study(
            read_text(dataset, "StudyInstanceUID"),
            _day(dataset, "StudyDate"),
            read_text(dataset, "StudyTime"),
            _as_written(dataset, "AccessionNumber"),
        ),
        source=Source(
            read_text(dataset, "SOPClassUID"),
            read_text(dataset, "SOPInstanceUID"),
            read_text(dataset, "SeriesInstanceUID"),
        ),
        spacing_mm=_spacing(dataset),
        patient=Patient(
            _as_written(dataset, "PatientName"),
            _as_written(dataset, "PatientID"),
            _day(dataset, "PatientBirthDate"),
        ),
    )


def read_text(dataset: Dataset, keyword: str) -> str | None:
    """A coded text; codes are capitals, whatever a machine writes, and end up in sentences."""
    text = "".join(filter(str.isprintable, _whole(dataset, keyword)))
    return text.strip()[:LONGEST].strip().upper() or None


def read_numbers(dataset: Dataset, keyword: str) -> list[float]:
    """The finite numbers of an element, a decimal comma allowed; none where it is empty.

    pydicom refuses a decimal string that is none, so the bytes are read here.
    """
    element = dataset.get_item(tag_for_keyword(keyword)) if keyword in dataset else None
    if element is None:
        return []
    value = element.value
    if not (isinstance(element, RawDataElement) and element.VR in (None, "DS", "IS", "UN", "LO")):
        value = dataset[keyword].value
    if isinstance(value, bytes):
        value = value.decode("ascii", "replace")
    if isinstance(value, str):
        value = value.split("\\")
    parts = value if isinstance(value, list | tuple | MultiValue) else [value]
    return [number for part in parts if (number := _number(part)) is not None]


def _number(part: object) -> float | None:
    try:
        number = float(str(part).strip(" \0").replace(",", "."))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _whole(dataset: Dataset, keyword: str) -> str:
    """A text as it stands in the file: a backslash would divide it into values."""
    try:
        value = dataset.get(keyword)
    except Exception:  # pydicom refuses what is no value of its kind; then it states nothing
        return ""
    if value is None:
        return ""
    if isinstance(value, list | MultiValue):
        return "\\".join(str(part) for part in value)
    return str(value)


def _as_written(dataset: Dataset, keyword: str) -> str | None:
    # A name may be written in three scripts.
    return _whole(dataset, keyword)[: 3 * LONGEST].strip() or None


def _view(dataset: Dataset) -> str | None:
    """The view that the file names, by its position or, where that says nothing, by its code."""
    text = read_text(dataset, "ViewPosition")
    code, meaning = _coded(dataset, "ViewCodeSequence")
    if read_view(text) not in ("silent", "unknown"):
        return text
    by_code = read_view(meaning, code)
    if by_code == "silent":
        return text
    # A code whose meaning is left out or in another language is named by what it says.
    return meaning if read_view(meaning) == by_code else VIEW_NAMES.get(by_code, by_code)


def _body_part(dataset: Dataset) -> str | None:
    text = read_text(dataset, "BodyPartExamined")
    code, meaning = _coded(dataset, "AnatomicRegionSequence")
    if read_body_part(text) in ("yes", "no"):
        return text
    if read_body_part(None, code) == "yes":
        return "CHEST"
    return text if read_body_part(meaning) in ("silent", "unknown") else meaning


def _coded(dataset: Dataset, keyword: str) -> tuple[str | None, str | None]:
    """Code value and meaning of a sequence's first item."""
    try:
        item = dataset[keyword].value[0]
    except (KeyError, IndexError, TypeError, ValueError):
        return None, None
    return read_text(item, "CodeValue"), read_text(item, "CodeMeaning")


def _age(dataset: Dataset) -> float | None:
    """Years from the age tag (062Y, 018M, "54 Y", 62YR) or from birth and the day of the film."""
    match = re.fullmatch(r"(\d{1,3}) ?([A-Z]*)", fold_term(_whole(dataset, "PatientAge")))
    if match and int(match[1]) and (match[2] in AGE_UNITS or not match[2]):
        return int(match[1]) * AGE_UNITS.get(match[2], 1.0)
    born = _date(_whole(dataset, "PatientBirthDate"))
    days = (_date(_whole(dataset, keyword)) for keyword in TAKEN)
    seen = next(filter(None, days), None)
    if born is None or seen is None:
        # Born on the day of birth: 000D says so, and 000Y that nobody typed an age.
        return 0.0 if match and match[2] in ("D", "W", "M") else None
    age = (seen - born).days / 365.25
    return age if 0 <= age < OLDEST else None


def _date(text: str) -> date | None:
    """A day written 20230601, 2023.06.01, 2023-06-01 or with a time behind it."""
    if match := re.match(r"\s*(\d{4})([.\-/]?)(\d{2})\2(\d{2})", text):
        try:
            return date(int(match[1]), int(match[3]), int(match[4]))
        except ValueError:
            return None
    return None


def _day(dataset: Dataset, keyword: str) -> str | None:
    """YYYYMMDD; what is no day stays as it is written, for a reader to see."""
    text = _as_written(dataset, keyword)
    day = _date(text or "")
    return day.isoformat().replace("-", "") if day else text


def _spacing(dataset: Dataset) -> tuple[float, float] | None:
    for keyword in ("PixelSpacing", "ImagerPixelSpacing"):
        spacing = read_numbers(dataset, keyword)
        if len(spacing) == 2 and min(spacing) > 0:
            return spacing[0], spacing[1]
    return None
