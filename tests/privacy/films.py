"""Films of a patient who does not exist, in files large enough not to pass through by chance."""

import io

import numpy as np
import pydicom
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid

from tests.load.films import Films
from tests.places import SAMPLE_FOLDER

NAME, NUMBER, BORN = "ZZTEST^NAME", "ZZ-12345", "19010203"
IDENTIFIERS = ("ZZTEST", NUMBER, BORN)
SIDE = 1200  # 16-bit pixels: 2.9 MB, beyond what a server spools to disk while it is received


def make_dicom() -> bytes:
    """A real film under the invented name."""
    sample = sorted(SAMPLE_FOLDER.glob("*.jpeg"))[0]
    with Image.open(sample) as image:
        film = np.asarray(image.convert("L").resize((SIDE, SIDE)), np.uint16) << 4
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate = NAME, NUMBER, BORN
    dataset.StudyInstanceUID, dataset.Modality, dataset.BodyPartExamined = (
        generate_uid(),
        "DX",
        "CHEST",
    )
    dataset.Rows = dataset.Columns = SIDE
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PixelRepresentation = 0
    dataset.PixelData = film.tobytes()
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


def make_uploads() -> Films:
    """A good film, one cut off and one with broken tags; their names tell the patient's too."""
    good = make_dicom()
    return {
        f"{NAME} {NUMBER}.dcm": good,
        f"{NAME} cut.dcm": good[: len(good) // 2],
        f"{NAME} broken.dcm": good.replace(b"US\x02\x00", b"US\xff\xff"),
    }
