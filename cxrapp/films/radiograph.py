"""What a file from outside becomes: a film, or the reason why there is none."""

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Patient:
    """Who is on the film, as its file says. Shown and exported only where the reader asks for it,
    and kept out of its `repr`, so that no log can hold it.

    Args:
        birth_date: YYYYMMDD.
    """

    name: str | None = field(repr=False)
    patient_id: str | None = field(repr=False)
    birth_date: str | None = field(repr=False)


@dataclass(frozen=True)
class Radiograph:
    """One film, and what its file says about it where it says anything.

    Args:
        name: The file's name.
        pixels: (H, W) float32 in [0, 1]; 0 is black, bone is bright.
        full_shape: (H, W) of the film, where `pixels` are only what a network sees of it.
        modality, view, body_part, sex: As DICOM writes them: CR, AP, CHEST, F.
        age_years: Of the patient.
        study_uid: Films of one visit share it.
        study_date: YYYYMMDD.
        patient: Who it is; see there.
    """

    # For the sandbox, which checks what a decoder says; no import, which would cost each one.
    __pydantic_config__ = {"arbitrary_types_allowed": True, "extra": "forbid"}

    name: str
    pixels: np.ndarray
    full_shape: tuple[int, int] | None = None
    modality: str | None = None
    view: str | None = None
    body_part: str | None = None
    age_years: float | None = None
    sex: str | None = None
    study_uid: str | None = None
    study_date: str | None = None
    patient: Patient | None = None


@dataclass(frozen=True)
class Rejection:
    """A file that is not a film, and the reason in words."""

    name: str
    reason: str
