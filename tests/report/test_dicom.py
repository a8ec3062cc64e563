import io
import json
import zipfile
from dataclasses import replace

import highdicom
import numpy as np
import pydicom
import pytest
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from cxrapp.films.radiograph import Patient, Source
from cxrapp.report.formats import FORMATS
from cxrapp.report.release import measure_threshold
from cxrapp.words import NOT_A_DIAGNOSIS
from tests.report.cases import (
    CARD,
    TAGS,
    case,
    everything,
    film,
    lung_parts,
    picture_film,
    refused,
    tagged,
)

DECISION = highdicom.sr.CodedConcept("DECISION", "99CXRAPP", "Decision at the threshold")


def datasets(*cases: object, identified: bool = False) -> dict[str, pydicom.Dataset]:
    data = FORMATS["dicom"].write(CARD, cases, identified=identified)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        return {name: pydicom.dcmread(io.BytesIO(archive.read(name))) for name in names}


def one_film(one: object, **options: bool) -> dict[str, pydicom.Dataset]:
    return {name.split("/")[1]: dataset for name, dataset in datasets(one, **options).items()}


def groups(report: pydicom.Dataset) -> list:
    read = highdicom.sr.ComprehensiveSR.from_dataset(report)
    return read.content.get_image_measurement_groups()


def test_identified_results_join_the_study_of_the_film() -> None:
    written = one_film(case(), identified=True)
    assert list(written) == ["SC-1.dcm", "SC-2.dcm", "SR.dcm"]
    for dataset in written.values():
        for keyword in TAGS.keys() - {"Modality", "ViewPosition"}:
            assert str(dataset[keyword].value) == TAGS[keyword], keyword
        assert dataset.ContentDate == "20240301"
        assert "PatientIdentityRemoved" not in dataset
    assert len({dataset.SOPInstanceUID for dataset in written.values()}) == 3
    assert len({dataset.SeriesInstanceUID for dataset in written.values()}) == 2


def test_the_source_image_is_what_was_measured() -> None:
    source = Source("1.2.840.10008.5.1.4.1.1.1", "1.2.840.99999.771.55.1", "1.2.840.99999.771.55.2")
    written = one_film(case(tagged(source=source)), identified=True)
    (check, *_) = groups(written["SR.dcm"])
    referred = [
        i.ReferencedSOPSequence[0] for i in check[0].ContentSequence if i.ValueType == "IMAGE"
    ]
    assert [(one.ReferencedSOPClassUID, one.ReferencedSOPInstanceUID) for one in referred] == [
        (source.sop_class, source.sop_instance)
    ]
    evidence = written["SR.dcm"].CurrentRequestedProcedureEvidenceSequence[0]
    series = {one.SeriesInstanceUID for one in evidence.ReferencedSeriesSequence}
    assert source.series in series
    for name in ("SC-1.dcm", "SC-2.dcm"):
        (image,) = written[name].SourceImageSequence
        assert image.ReferencedSOPInstanceUID == source.sop_instance
    hidden = FORMATS["dicom"].write(CARD, [case(tagged(source=source))])
    assert "771.55" not in everything(hidden)


def test_a_patients_number_with_a_backslash_leaves_as_it_came() -> None:
    one = case(film(PatientID="12\\345"))
    data = FORMATS["dicom"].write(CARD, [one], identified=True)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for name in archive.namelist():
            assert b"12\\345" in archive.read(name) and b"['12'" not in archive.read(name)
    fhir = json.loads(FORMATS["fhir"].write(CARD, [one], identified=True))
    patient = fhir["entry"][0]["resource"]["contained"][0]
    assert patient["identifier"] == [{"value": "12\\345"}]


def test_without_identity_all_is_new_and_says_so() -> None:
    for dataset in one_film(case()).values():
        assert dataset.PatientIdentityRemoved == "YES"
        assert dataset.PatientID == f"CXR-{case().fingerprint}"
        assert not dataset.PatientBirthDate and not dataset.StudyDate
        assert dataset.PatientAge == "002Y"
        assert dataset.StudyInstanceUID.startswith("2.25.")
    studies = {d.StudyInstanceUID for d in datasets(case(), case()).values()}
    assert len(studies) == 2


def test_a_capture_is_the_film_with_heat_and_words() -> None:
    capture = one_film(case())["SC-2.dcm"]
    assert capture.SOPClassUID == pydicom.uid.SecondaryCaptureImageStorage
    assert capture.ImageType[:2] == ["DERIVED", "SECONDARY"]
    assert (capture.BurnedInAnnotation, capture.Modality) == ("YES", "OT")
    assert capture.ImageComments == NOT_A_DIAGNOSIS
    assert "viral pneumonia" in capture.DerivationDescription
    pixels = capture.pixel_array
    assert pixels.shape == (capture.Rows, capture.Columns, 3) and pixels.dtype == np.uint8
    film_part, words = pixels[:240, 224:544].astype(int), pixels[250:]
    assert np.ptp(film_part, axis=2).max() > 50  # coloured by heat
    assert (words > 200).mean() > 0.02 and (words < 20).mean() > 0.5


def test_lungs_are_outlined_and_their_evidence_is_measured() -> None:
    bare, found = one_film(case()), one_film(case(**lung_parts()))
    films = [written["SC-1.dcm"].pixel_array[:240, 224:544] for written in (bare, found)]
    changed = (films[0] != films[1]).any(2)
    assert 0.001 < changed.mean() < 0.2  # a thin line
    pneumonia, viral = groups(found["SR.dcm"])[1:]
    measured = {m.name.meaning: m.value for m in pneumonia.get_measurements()}
    assert measured["Share of the map's evidence in the lungs"] == pytest.approx(0.6)
    assert measured["The same by chance"] == pytest.approx(0.4)
    empty = {m.name.meaning for m in viral.get_measurements()}  # a map without evidence
    assert not {"Share of the map's evidence in the lungs", "The same by chance"} & empty


def test_the_capture_of_a_refused_film_is_the_film_in_grey() -> None:
    one = refused()
    written = one_film(one)
    assert list(written) == ["SC-1.dcm", "SR.dcm"]
    film_part = written["SC-1.dcm"].pixel_array[:240, 224:544]
    np.testing.assert_array_equal(film_part, np.dstack([np.asarray(one.picture)] * 3))


def test_a_large_film_is_made_smaller() -> None:
    large = replace(film(), pixels=np.kron(film().pixels, np.ones((10, 10), np.float32)))
    capture = one_film(case(large))["SC-1.dcm"]
    assert capture.Columns == 2048 and capture.Rows > 1536


def test_the_report_holds_every_number_of_every_finding() -> None:
    written = one_film(case(), identified=True)
    report = written["SR.dcm"]
    assert (report.CompletionFlag, report.PreliminaryFlag) == ("COMPLETE", "PRELIMINARY")
    assert report.VerificationFlag == "UNVERIFIED"
    check, pneumonia, viral = groups(report)
    assert pneumonia.finding_type == Code("233604007", "SCT", "Pneumonia")
    assert viral.finding_type.value == "75570004"
    measured = {m.name.meaning: m.value for m in viral.get_measurements()}
    assert measured["Probability"] == pytest.approx(0.234567)
    assert measured["Probability together with what it is given"] == pytest.approx(
        0.873421 * 0.234567
    )
    assert measured["Threshold Value"] == pytest.approx(CARD.default_thresholds()["viral"])
    chosen, tested = measure_threshold(CARD, "viral", CARD.default_thresholds()["viral"])
    assert measured["Case Sensitivity"] == pytest.approx(tested.sensitivity.value)
    assert measured["Case Sensitivity on validation films"] == pytest.approx(
        chosen.sensitivity.value
    )
    (decision,) = viral.get_qualitative_evaluations(DECISION)
    assert decision.value == codes.SCT.Negative
    texts = [i.TextValue for i in pneumonia[0].ContentSequence if i.ValueType == "TEXT"]
    assert f"SHA-256 {CARD.sha256}" in texts and CARD.name in texts
    referred = [i for i in check[0].ContentSequence if i.ValueType == "IMAGE"]
    assert {i.ReferencedSOPSequence[0].ReferencedSOPInstanceUID for i in referred} == {
        written[f"SC-{k}.dcm"].SOPInstanceUID for k in (1, 2)
    }


def test_the_report_of_a_refused_film_has_the_refusal_alone() -> None:
    report = one_film(refused())["SR.dcm"]
    (check,) = groups(report)
    assert check.get_measurements() == []
    (status,) = check.get_qualitative_evaluations()
    assert status.value.value == "REFUSED"
    texts = [item.TextValue for item in report.ContentSequence if item.ValueType == "TEXT"]
    assert NOT_A_DIAGNOSIS in texts


def test_a_picture_that_is_no_dicom_gets_a_study_of_its_own() -> None:
    written = one_film(case(picture_film()), identified=True)
    assert len({dataset.StudyInstanceUID for dataset in written.values()}) == 1
    assert not written["SR.dcm"].PatientID


def test_a_number_too_long_for_dicom_is_left_out_not_shortened() -> None:
    patient = Patient("A^" + "b" * 255, "7" * 65, None)
    report = one_film(case(tagged(patient=patient)), identified=True)["SR.dcm"]
    assert not report.PatientID
    assert len(str(report.PatientName)) == 64
