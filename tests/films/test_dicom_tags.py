import pytest
from pydicom.dataset import Dataset

from tests.films.dicom_maker import make, read


@pytest.mark.parametrize(
    ("tags", "age"),
    [
        ({}, None),
        ({"PatientAge": "018M"}, 1.5),
        ({"PatientAge": "014D"}, 14 / 365.25),
        ({"PatientAge": "54 Y"}, 54),
        ({"PatientAge": "62YR"}, 62),
        ({"PatientAge": " 018M"}, 1.5),
        ({"PatientAge": "2 años"}, 2),
        ({"PatientAge": "3 parsecs"}, None),
        ({"PatientAge": "000Y", "PatientBirthDate": "19690101", "StudyDate": "20230101"}, 54),
        ({"PatientBirthDate": "19690101", "AcquisitionDate": "20230101"}, 54),
        ({"PatientBirthDate": "19690101", "SeriesDate": "20230101"}, 54),
        ({"PatientBirthDate": "19690101", "ContentDate": "20230101"}, 54),
        ({"PatientBirthDate": "1969.01.01", "StudyDate": "2023.01.01"}, 54),
        ({"PatientBirthDate": "1969-01-01", "AcquisitionDateTime": "20230101101500.5"}, 54),
        ({"PatientBirthDate": "20200101", "StudyDate": "20230101"}, 3),
        ({"PatientBirthDate": "19000101", "StudyDate": "20230101"}, None),
        ({"PatientBirthDate": "19691332", "StudyDate": "20230101"}, None),
        ({"PatientBirthDate": "20200101"}, None),
    ],
)
@pytest.mark.filterwarnings("ignore:Invalid value for VR")
def test_ages_and_dates_as_machines_write_them(tags: dict, age: float | None) -> None:
    expected = age if age is None else pytest.approx(age, abs=0.01)
    assert read(make(**tags)).tags.age_years == expected


def test_a_lateral_view_is_found_in_its_code() -> None:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = "399067008", "SCT", "lateral"
    assert read(make(ViewCodeSequence=[item])).tags.view == "LATERAL"
    assert read(make(ViewCodeSequence=[item], ViewPosition="PA")).tags.view == "PA"
    item.CodeMeaning = "bocni"
    assert read(make(ViewCodeSequence=[item])).tags.view == "LATERAL OR OBLIQUE"


def test_numbers_of_the_visit_and_the_image_are_kept_as_written() -> None:
    film = read(
        make(
            PatientID="12\\345",
            AccessionNumber="A1",
            StudyTime="101530.5",
            SOPClassUID="1.2.840.10008.5.1.4.1.1.1",
            SOPInstanceUID="1.2.3.4",
            SeriesInstanceUID="1.2.3",
            ImagerPixelSpacing=[0.2, 0.1],
        )
    )
    assert film.tags.patient.patient_id == "12\\345"
    assert (film.tags.study.accession, film.tags.study.time) == ("A1", "101530.5")
    assert vars(film.tags.source) == {
        "sop_class": "1.2.840.10008.5.1.4.1.1.1",
        "sop_instance": "1.2.3.4",
        "series": "1.2.3",
    }
    assert film.tags.spacing_mm == (0.2, 0.1)
    assert "12" not in repr(film.tags.patient) and "A1" not in repr(film.tags.study)
