import io
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import DeflatedExplicitVRLittleEndian, JPEG2000Lossless

from tests.films.dicom_maker import FILM, make, read, reason


def test_monochrome1_is_white_at_zero() -> None:
    film = read(make(255 - FILM, PhotometricInterpretation="MONOCHROME1"))
    np.testing.assert_allclose(film.pixels, FILM / 255, atol=1e-6)


def test_deep_films_are_shown_through_their_window() -> None:
    deep = FILM.astype(np.uint16) * 16
    film = read(make(deep, BitsStored=12, HighBit=11, WindowCenter=2048, WindowWidth=1024))
    dark, bright = deep < 1500, deep > 2600
    assert (film.pixels[dark] == 0).all() and (film.pixels[bright] == 1).all()
    assert 0.4 < film.pixels[(deep > 2000) & (deep < 2100)].mean() < 0.6


def test_a_deep_film_that_uses_a_sliver_of_its_range_is_stretched_and_says_so() -> None:
    film = read(make(FILM.astype(np.uint16) * 16 + 100, BitsStored=15, HighBit=14))
    own = (FILM - FILM.min()) / np.ptp(FILM)
    np.testing.assert_allclose(film.pixels, own, atol=1e-5)
    assert film.stretched_from == pytest.approx(16 * int(np.ptp(FILM)) / 32767)


def test_rescale_is_applied_before_the_window() -> None:
    tags = {"RescaleSlope": 2, "RescaleIntercept": -100, "WindowCenter": 156, "WindowWidth": 512}
    film = read(make(**tags))
    np.testing.assert_allclose(film.pixels, FILM / 255, atol=0.005)


def test_what_the_gate_needs_is_read_and_no_name_reaches_a_log() -> None:
    film = read(make(Modality="DX", ViewPosition="AP", BodyPartExamined="CHEST", PatientAge="004Y"))
    assert (film.tags.modality, film.tags.view, film.tags.body_part) == ("DX", "AP", "CHEST")
    assert film.tags.age_years == 4
    assert "Shown" not in repr(film)


def tiny_codestream_of(side: int) -> bytes:
    size = 2 * side.to_bytes(4, "big")
    return encapsulate([b"\xff\x4f\xff\x51\x00\x29\x00\x00" + size + bytes(60)])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (make(NumberOfFrames=2), "several pictures"),
        (make(np.dstack([FILM] * 3), SamplesPerPixel=3, PlanarConfiguration=0), "colour"),
        (make(Rows=60_000, Columns=60_000), "at most 40,000,000"),
        (make(Rows=240), "damaged"),
        (make(np.zeros_like(FILM)), "blank"),
        (make(np.zeros((20, 20), np.uint8)), "only 20 x 20"),
        (make()[:5000], "damaged"),
        (make(syntax=DeflatedExplicitVRLittleEndian), "Deflated"),
        (make(syntax=JPEG2000Lossless, PixelData=tiny_codestream_of(12_000)), "12,000 x 12,000"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_single_grey_picture_says_why(data: bytes, words: str) -> None:
    assert words in reason(data)


def test_a_file_without_picture_says_so() -> None:
    dataset = pydicom.dcmread(io.BytesIO(make()))
    del dataset.PixelData
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    assert "holds no picture" in reason(buffer.getvalue())


def test_real_films_of_many_kinds_are_read(shared_data: Path) -> None:
    films = {}
    for path in sorted((shared_data / "dicom").iterdir()):
        films[path.name] = film = read(path.read_bytes())
        assert 0 <= film.pixels.min() < 0.15 and 0.85 < film.pixels.max() <= 1
    assert len(films) == 9
    # Its table gives 16 bits, of which the film uses a hundredth.
    stretched = {name for name, film in films.items() if film.stretched_from is not None}
    assert stretched == {"CR-ModalitySequenceLUT.dcm"}
    assert films["RG2_JLSL.dcm"].tags.body_part == "HIP"
    assert films["nih-1.dcm"].tags.age_years == 81
    assert films["CR-MONO1-10-chest"].tags.view == "PA"
    first, second = (films[f"rsna-monochrome{k}.dcm"].pixels for k in (1, 2))
    np.testing.assert_allclose(first, 1 - second, atol=1e-6)


def test_whose_film_it_is_is_kept_as_written() -> None:
    film = read(make(PatientID="ab12", PatientBirthDate="20200131", StudyDate="20240131"))
    assert (film.tags.patient.name, film.tags.patient.patient_id) == ("Not^Shown", "ab12")
    assert (film.tags.patient.birth_date, film.tags.study.date) == ("20200131", "20240131")
