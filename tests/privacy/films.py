"""Films of a patient who does not exist, in files large enough not to pass through by chance."""

import numpy as np
from PIL import Image
from pydicom.uid import generate_uid

from tests.films.dicom_maker import TWELVE, make
from tests.load.films import Films
from tests.places import SAMPLES

NAME, NUMBER, BORN = "ZZTEST^NAME", "ZZ-12345", "19010203"
IDENTIFIERS = ("ZZTEST", NUMBER, BORN)
SIDE = 1200  # 16-bit pixels: 2.9 MB, beyond what a server spools to disk while it is received


def make_dicom() -> bytes:
    """A real film under the invented name."""
    with Image.open(SAMPLES[0]) as image:
        film = np.asarray(image.convert("L").resize((SIDE, SIDE)), np.uint16) << 4
    whose = {"PatientName": NAME, "PatientID": NUMBER, "PatientBirthDate": BORN}
    kind = {"StudyInstanceUID": generate_uid(), "Modality": "DX", "BodyPartExamined": "CHEST"}
    return make(film, **TWELVE, **whose, **kind)


def make_uploads() -> Films:
    """A good film, one cut off and one with broken tags; their names tell the patient's too."""
    good = make_dicom()
    return {
        f"{NAME} {NUMBER}.dcm": good,
        f"{NAME} cut.dcm": good[: len(good) // 2],
        f"{NAME} broken.dcm": good.replace(b"US\x02\x00", b"US\xff\xff"),
    }
