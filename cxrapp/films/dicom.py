"""DICOM bytes -> pixels as a reader would see them, and what the file says about the film.

Decoding by pydicom, with python-gdcm for the compressed transfer syntaxes.
"""

import io
import math
import re
import warnings
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pydicom
from pydicom.encaps import generate_fragments
from pydicom.pixels import apply_modality_lut, apply_voi_lut, get_decoder
from pydicom.uid import RLELossless

from cxrapp.errors import UnreadableUpload
from cxrapp.films.limits import check_shape
from cxrapp.films.radiograph import Patient

DEFLATED = b"1.2.840.10008.1.2.1.99"
IMPLICIT = "1.2.840.10008.1.2"
CODESTREAM_SIZE = re.compile(  # JPEG 2000: width and height; JPEG, JPEG-LS: height and width
    rb"\xff\x4f\xff\x51.{4}(.{4})(.{4})|\xff[\xc0-\xc3\xc5-\xc7\xc9-\xcb\xcd-\xcf\xf7].{3}(..)(..)",
    re.DOTALL,
)
LONGEST = 64  # characters of a coded text or an identifier
OLDEST = 110  # years; a birth date before that stands for an unknown one


@dataclass(frozen=True)
class DicomFilm:
    """One film: pixels (H, W) float32 in [0, 1], bone bright, and what its tags say.

    Args:
        modality, view, body_part, sex: As DICOM writes them: CR, AP, CHEST, F.
        study_uid: Films of one visit share it.
        study_date: YYYYMMDD.
    """

    pixels: np.ndarray
    modality: str | None
    view: str | None
    body_part: str | None
    age_years: float | None
    sex: str | None
    study_uid: str | None
    study_date: str | None
    patient: Patient


def is_dicom(data: bytes) -> bool:
    """Whether bytes look like DICOM: by its mark, or by a first tag where the mark is missing."""
    return (
        data[128:132] == b"DICM"
        or data[:4] in (b"\x08\x00\x00\x00", b"\x08\x00\x05\x00")
        or (data[:2] == b"\x08\x00" and data[4:6].isalpha() and data[4:6].isupper())
    )


def read_dicom(data: bytes) -> DicomFilm:
    """Read one film.

    Raises:
        UnreadableUpload: It holds no single grey picture, is damaged or larger than the limits.
    """
    # pydicom inflates such files while it reads them, a thousandfold if they were made to.
    if DEFLATED in data:
        raise UnreadableUpload("Deflated DICOM files are not read; export it uncompressed.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd tags are common and harmless here
            dataset = pydicom.dcmread(io.BytesIO(data), force=True)
            if "TransferSyntaxUID" not in dataset.file_meta:
                dataset.file_meta.TransferSyntaxUID = IMPLICIT
            _check(dataset)
            return DicomFilm(
                _to_grey(dataset),
                _text(dataset, "Modality"),
                _text(dataset, "ViewPosition"),
                _text(dataset, "BodyPartExamined"),
                _age(dataset),
                _text(dataset, "PatientSex"),
                _text(dataset, "StudyInstanceUID"),
                _text(dataset, "StudyDate"),
                Patient(
                    _as_written(dataset, "PatientName"),
                    _as_written(dataset, "PatientID"),
                    _as_written(dataset, "PatientBirthDate"),
                ),
            )
    except (UnreadableUpload, MemoryError):
        raise
    except Exception:  # pydicom and its decoders fail in many ways, and quote the patient's tags
        raise UnreadableUpload("The DICOM file is damaged.") from None


def _check(dataset: pydicom.Dataset) -> None:
    if "PixelData" not in dataset:
        raise UnreadableUpload("The DICOM file holds no picture.")
    syntax = dataset.file_meta.TransferSyntaxUID
    try:
        known = get_decoder(syntax).is_available
    except NotImplementedError:  # what pydicom raises for one it has no decoder for
        known = False
    if not known:
        raise UnreadableUpload("The DICOM file is compressed in a way that is not read.")
    if int(dataset.get("NumberOfFrames") or 1) != 1:
        raise UnreadableUpload("The DICOM file holds several pictures; a film is one.")
    grey = dataset.PhotometricInterpretation in ("MONOCHROME1", "MONOCHROME2")  # and no palette
    if dataset.SamplesPerPixel != 1 or not grey:
        raise UnreadableUpload("The DICOM file holds a colour picture; a film is grey.")
    check_shape(dataset.Columns, dataset.Rows)
    if syntax.is_encapsulated and syntax != RLELossless:
        _check_codestream(b"".join(generate_fragments(dataset.PixelData)))


def _check_codestream(codestream: bytes) -> None:
    """The decoder believes the codestream, not the tags: a few bytes can claim a gigabyte."""
    for j2k_width, j2k_height, height, width in CODESTREAM_SIZE.findall(codestream):
        check_shape(*(int.from_bytes(side) for side in (j2k_width or width, j2k_height or height)))


def _to_grey(dataset: pydicom.Dataset) -> np.ndarray:
    """Modality LUT or rescale, then VOI LUT or window, then [0, 1] with bone bright."""
    stored = dataset.pixel_array
    if stored.ndim != 2:
        raise UnreadableUpload("The DICOM file holds more pixels than its tags say.")
    values = apply_modality_lut(stored, dataset)
    windowed = "VOILUTSequence" in dataset or "WindowCenter" in dataset
    if windowed:
        values = apply_voi_lut(values, dataset)
    low, high = float(values.min()), float(values.max())  # 16 bits would not hold every difference
    if low == high:
        raise UnreadableUpload("The picture is blank: every pixel has the same value.")
    if not math.isfinite(high - low):
        raise UnreadableUpload("The DICOM file's rescaling or window gives no usable numbers.")
    full = 2**dataset.BitsStored - 1
    if not windowed and dataset.BitsStored <= 8 and 0 <= low and high <= full:
        low, high = 0.0, float(full)
    grey = values - low
    grey /= high - low
    grey = grey.astype(np.float32)
    return 1 - grey if dataset.PhotometricInterpretation == "MONOCHROME1" else grey


def _text(dataset: pydicom.Dataset, keyword: str) -> str | None:
    """A coded text; codes are capitals, whatever a machine writes, and end up in sentences."""
    text = "".join(filter(str.isprintable, str(dataset.get(keyword) or "")))
    return text[:LONGEST].strip().upper() or None


def _as_written(dataset: pydicom.Dataset, keyword: str) -> str | None:
    # A name may be written in three scripts.
    return str(dataset.get(keyword) or "")[: 3 * LONGEST].strip() or None


def _age(dataset: pydicom.Dataset) -> float | None:
    """Years from the age tag (062Y, 018M, 010W, 005D) or from the birth and study dates."""
    units = {"Y": 1.0, "M": 1 / 12, "W": 7 / 365.25, "D": 1 / 365.25, "": 1.0}
    if match := re.fullmatch(r"(\d{1,3})([YMWD]?)", _text(dataset, "PatientAge") or ""):
        return int(match[1]) * units[match[2]]
    try:
        born, seen = (
            datetime.strptime(_text(dataset, keyword) or "", "%Y%m%d")
            for keyword in ("PatientBirthDate", "StudyDate")
        )
    except ValueError:
        return None
    age = (seen - born).days / 365.25
    return age if 0 <= age < OLDEST else None
