"""Films as a machine sends them."""

import io
from datetime import datetime, timedelta
from functools import lru_cache

import numpy as np
import pydicom
from PIL import Image

from tests.films.dicom_maker import make
from tests.places import SAMPLES

CR = "1.2.840.10008.5.1.4.1.1.1"
CT = "1.2.840.10008.5.1.4.1.1.2"
ROOT = "1.2.826.0.1.3680043.10.1.22"


def film(
    number: int,
    *,
    study: int | None = None,
    hours: float = 1.0,
    sample: int = 0,
    side: int = 256,
    **tags: object,
) -> bytes:
    """A real film under an invented child's name.

    Args:
        number: Tells films apart.
        study: The number of the study; of the film's own if not given.
        hours: How long ago it was asked for.
        sample: Which of the sample films.
        side: Of its pixels.
    """
    study = number if study is None else study
    asked = datetime.now() - timedelta(hours=hours)
    usual = {
        "SpecificCharacterSet": "ISO_IR 192",
        "PatientName": f"Küçük^Kind {study}",
        "PatientID": f"K-{study:05}",
        "PatientBirthDate": f"{asked.year - 4}0102",
        "PatientSex": "F",
        "StudyInstanceUID": f"{ROOT}.{study}",
        "SeriesInstanceUID": f"{ROOT}.{study}.1",
        "SOPInstanceUID": f"{ROOT}.{study}.1.{number}",
        "SOPClassUID": CR,
        "StudyDate": asked.strftime("%Y%m%d"),
        "StudyTime": asked.strftime("%H%M%S"),
        "AccessionNumber": f"A{study:05}",
        "StudyID": str(study),
        "ReferringPhysicianName": "Arzt^Aysel",
        "Modality": "CR",
        "ViewPosition": "AP",
        "BodyPartExamined": "CHEST",
        "SeriesNumber": 1,
        "InstanceNumber": number,
    }
    said = {keyword: tag for keyword, tag in (usual | tags).items() if tag is not None}
    dataset = pydicom.dcmread(io.BytesIO(make(_pixels(sample, side), **said)))
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    data = io.BytesIO()
    dataset.save_as(data, enforce_file_format=True)
    return data.getvalue()


@lru_cache
def _pixels(sample: int, side: int) -> np.ndarray:
    with Image.open(SAMPLES[sample]) as image:
        return np.asarray(image.convert("L").resize((side, side)))
