"""What a file from outside becomes: a film and what is written in it, or why there is none."""

from dataclasses import dataclass, field

import numpy as np

# For the sandbox, which checks what a decoder says; no import, which would cost each one.
CHECKED = {"arbitrary_types_allowed": True, "extra": "forbid"}


@dataclass(frozen=True)
class Patient:
    """Who is on the film, as its file says. Shown and exported only where the reader asks for it,
    and kept out of its `repr`, so that no log can hold it.

    Args:
        birth_date: YYYYMMDD.
    """

    __pydantic_config__ = CHECKED

    name: str | None = field(default=None, repr=False)
    patient_id: str | None = field(default=None, repr=False)
    birth_date: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Study:
    """The visit, as the file says.

    Args:
        uid: Films of one visit share it.
        date: YYYYMMDD.
        time: HHMMSS, perhaps with a fraction.
        accession: The order's number in the hospital.
    """

    __pydantic_config__ = CHECKED

    uid: str | None = None
    date: str | None = None
    time: str | None = field(default=None, repr=False)
    accession: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Source:
    """The DICOM image that a film was read from: its class, its own UID and that of its series."""

    __pydantic_config__ = CHECKED

    sop_class: str | None = None
    sop_instance: str | None = None
    series: str | None = None


@dataclass(frozen=True)
class Tags:
    """What a film's file says about it, where it says anything; one noun from file to export.

    Args:
        age_years: Of the patient.
        sex, view, modality, body_part: As the file writes them: F, AP, CR, CHEST; `terms` reads
            them.
        study, source, patient: See there.
        spacing_mm: Between the centres of rows and of columns.
    """

    __pydantic_config__ = CHECKED

    age_years: float | None = None
    sex: str | None = None
    view: str | None = None
    modality: str | None = None
    body_part: str | None = None
    study: Study = Study()
    source: Source = Source()
    spacing_mm: tuple[float, float] | None = None
    patient: Patient = Patient()


NO_TAGS = Tags()  # of a picture, which says nothing


@dataclass(frozen=True)
class Units:
    """What a film's stored numbers mean: `number * slope + intercept` is its own value.

    Args:
        unit: Of the values, as the file names it, such as HU; empty where it names none.
        windows: Those that the file proposes: name, lowest and highest value.
        step: What a window's width counts beyond its two ends: 1, as PS3.3 C.11.2.1.2 has it,
            unless the file says otherwise.
        inverse: Whether the lowest value is white.
        padding: The number that stands where there is no film.
    """

    __pydantic_config__ = CHECKED | {"allow_inf_nan": False}

    slope: float = 1.0
    intercept: float = 0.0
    unit: str = ""
    windows: tuple[tuple[str, float, float], ...] = ()
    step: float = 1.0
    inverse: bool = False
    padding: int | None = None


@dataclass(frozen=True)
class Stored:
    """A film before any window, at its own depth: for whoever sets a window anew.

    Args:
        numbers: (H, W) uint8 or uint16. Each number has one grey in `Radiograph.pixels`.
    """

    __pydantic_config__ = CHECKED

    numbers: np.ndarray = field(repr=False)
    units: Units = Units()


@dataclass(frozen=True)
class Radiograph:
    """One film, and what its file says about it.

    Args:
        name: The file's name.
        pixels: (H, W) float32 in [0, 1]; 0 is black, bone is bright.
        tags: See there.
        full_shape: (H, W) of the film, where `pixels` are only what a network sees of it.
        stretched_from: The share of its range of greys that the film used, in (0, 1), where that
            was so little that it was stretched to all of it; see `grey`.
        in_colour: Whether the file's picture was; see `decode`.
        stored: The same film before its window; None where its file has more than 16 bits, or a
            table of its own between what is stored and what it means.
    """

    __pydantic_config__ = CHECKED

    name: str
    pixels: np.ndarray
    tags: Tags = NO_TAGS
    full_shape: tuple[int, int] | None = None
    stretched_from: float | None = None
    in_colour: bool = False
    stored: Stored | None = None


@dataclass(frozen=True)
class Rejection:
    """A file that is not a film, and the reason in words."""

    name: str
    reason: str
