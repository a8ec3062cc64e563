"""Films with results, without a network: what the tests of reports write about."""

import io
import zipfile
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import numpy as np
import pypdf

from cxrapp.explain.trust import LungEvidence
from cxrapp.figures.pictures import film_picture
from cxrapp.films.decode import read_upload
from cxrapp.films.radiograph import Radiograph
from cxrapp.model.card import ModelCard
from cxrapp.model.card_file import load_card
from cxrapp.model.decision import Settings, decide, default_settings
from cxrapp.model.gate import judge
from cxrapp.model.lungs import Lungs
from cxrapp.report.case import Case, HeatMaps
from tests.films.dicom_maker import FILM, make
from tests.model.small_lungs import lung_masks
from tests.places import ROOT

CARD: ModelCard = load_card(ROOT / "weights/pneumonia.pt")
SETTINGS = default_settings(CARD)
SCREENED = datetime(2024, 3, 1, 11, 22, 33, tzinfo=timezone(timedelta(hours=1)))
TAGS = {
    "PatientName": "SECRETSON^GIVENHIDE",
    "PatientID": "PID-9988776655",
    "PatientBirthDate": "20210315",
    "PatientSex": "F",
    "StudyInstanceUID": "1.2.840.99999.771.55",
    "StudyDate": "20240229",
    "StudyTime": "101530",
    "AccessionNumber": "ACC-553311",
    "Modality": "DX",
    "ViewPosition": "AP",
}
PIXELS = np.kron(FILM, np.ones((2, 2), np.uint8))  # large enough for the gate
FILM_NAME = "ward7-secretfile.dcm"


def film(name: str = FILM_NAME, **tags: object) -> Radiograph:
    (read,) = read_upload(name, make(PIXELS, **{**TAGS, **tags}))
    assert isinstance(read, Radiograph), read
    return read


def tagged(**tags: object) -> Radiograph:
    """The film, its file saying something else."""
    return replace(film(), tags=replace(film().tags, **tags))


def picture_film(name: str = "picture.png") -> Radiograph:
    """A film that says nothing about itself."""
    return Radiograph(name, film().pixels)


def case(
    radiograph: Radiograph | None = None,
    probabilities: tuple[float, ...] = (0.873421, 0.234567),
    settings: Settings = SETTINGS,
    **parts: object,
) -> Case:
    radiograph = radiograph or film()
    values = np.linspace(0, 0.4, 2 * 7 * 7, dtype=np.float32).reshape(2, 7, 7)
    defaults = {
        "name": radiograph.name,
        "picture": film_picture(radiograph.pixels),
        "tags": radiograph.tags,
        "distance": 12.5,
        "verdict": judge(CARD, radiograph, 12.5, {}),
        "decisions": decide(CARD, probabilities, settings),
        "screened": SCREENED,
        "heat_maps": HeatMaps("Grad-CAM", "raises the log-odds, per cell", 0.4, values),
        "reader_call": "unsure",
    }
    return Case(**{**defaults, **parts})


def lung_parts() -> dict[str, object]:
    """Lungs, and evidence in the patient's left lower zone alone, for `case`."""
    zones = np.zeros((2, 2, 3))
    zones[0, 1, 2], zones[1] = 0.6, np.nan
    shares, chance, low = (np.array([share, np.nan]) for share in (0.6, 0.4, 0.2))
    found = LungEvidence(shares, zones, chance, low)
    heats = case().heat_maps
    return {"lungs": Lungs(lung_masks()), "heat_maps": replace(heats, in_lungs=found)}


def refused(**parts: object) -> Case:
    """Refused by its age."""
    return case(tagged(age_years=44.0), **parts)


def everything(data: bytes) -> str:
    """All that can be read in a file's bytes, archives and streams unpacked, without spaces."""
    chunks, inside = [data], ""
    if data[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for entry in archive.infolist():
                chunks += [entry.filename.encode(), repr(entry).encode()]
                inside += everything(archive.read(entry))
    if data[:4] == b"%PDF":
        reader = pypdf.PdfReader(io.BytesIO(data))
        chunks.append(str(reader.metadata).encode())
        chunks += [page.extract_text().encode() for page in reader.pages]
        for number in range(1, len(reader.xref[0]) + 1):
            thing = reader.get_object(number)
            if isinstance(thing, pypdf.generic.StreamObject):
                chunks.append(thing.get_data())
    return squeezed(" ".join(chunk.decode("utf-8", "ignore") for chunk in chunks)) + inside


def squeezed(text: str) -> str:
    """In small letters and without spaces."""
    return "".join(text.split()).lower()
