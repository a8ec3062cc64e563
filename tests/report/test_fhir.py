import json

import pytest
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.diagnosticreport import DiagnosticReport
from fhir.resources.R4B.observation import Observation

from cxrapp.model.decision import Setting
from cxrapp.report.formats import FORMATS
from cxrapp.words import NOT_A_DIAGNOSIS
from tests.report.cases import CARD, SCREENED, SETTINGS, case, lung_parts, picture_film, refused


def reports(*cases: object, identified: bool = False) -> list[DiagnosticReport]:
    data = FORMATS["fhir"].write(CARD, cases, identified=identified)
    bundle = Bundle.model_validate_json(data)
    assert json.loads(data)["type"] == "collection"
    assert len({entry.fullUrl for entry in bundle.entry}) == len(cases)
    return [entry.resource for entry in bundle.entry]


def observations(report: DiagnosticReport) -> dict[str, Observation]:
    contained = {part.id: part for part in report.contained}
    # Contained resources must be referred to, and references must lead somewhere (dom-3, ref-1).
    return {ref.reference[1:]: contained[ref.reference[1:]] for ref in report.result}


def components(observation: Observation) -> dict[str, float]:
    return {c.code.coding[0].code: float(c.valueQuantity.value) for c in observation.component}


def test_a_report_is_preliminary_and_holds_every_number() -> None:
    (report,) = reports(case(), identified=True)
    assert report.status == "preliminary"
    assert report.conclusion.endswith(NOT_A_DIAGNOSIS)
    assert report.issued == SCREENED
    assert report.imagingStudy[0].identifier.value == "urn:oid:1.2.840.99999.771.55"
    found = observations(report)
    assert list(found) == ["film-check", "finding-1", "finding-2", "reader"]
    first, second = found["finding-1"], found["finding-2"]
    assert first.code.coding[0].code == "233604007"
    assert float(first.valueQuantity.value) == 0.873421
    assert [o.interpretation[0].coding[0].code for o in (first, second)] == ["POS", "NEG"]
    numbers = components(second)
    assert numbers["JOINT"] == pytest.approx(0.204876)
    assert numbers["122411"] == pytest.approx(CARD.default_thresholds()["viral"])
    assert numbers["111088-LOW"] < numbers["111088"] < numbers["111088-HIGH"]
    device = next(part for part in report.contained if part.id == "model")
    assert device.identifier[0].value == CARD.sha256
    assert first.device.reference == "#model"


def test_what_the_lungs_say_is_there_with_the_chance_level() -> None:
    (report,) = reports(case(**lung_parts()))
    found = observations(report)
    check = {part.code.coding[0].code: part for part in found["film-check"].component}
    assert check["FILM-KIND"].valueString == "frontal"
    assert check["LOOKS-ADULT"].valueBoolean is False
    areas = [float(check[f"LUNG-{side}"].valueQuantity.value) for side in ("LEFT", "RIGHT")]
    assert areas == pytest.approx(lung_parts()["lungs"].areas, abs=1e-6)
    first, second = (components(found[f"finding-{n}"]) for n in (1, 2))
    assert (first["IN-LUNGS"], first["IN-LUNGS-CHANCE"]) == (0.6, 0.4)
    assert "IN-LUNGS" not in second  # which has no evidence anywhere
    (without,) = reports(case())
    assert observations(without)["film-check"].component is None


def test_the_patient_is_there_when_asked_for() -> None:
    (report,) = reports(case(), identified=True)
    patient = report.contained[0]
    assert (patient.name[0].family, patient.name[0].given) == ("SECRETSON", ["GIVENHIDE"])
    assert str(patient.birthDate) == "2021-03-15"
    (hidden,) = reports(case())
    assert hidden.contained[0].gender == "female"
    assert hidden.contained[0].name is None and hidden.issued is None
    (unknown,) = reports(case(picture_film()))
    assert unknown.subject is None


def test_not_asked_has_no_value_and_undecided_is_indeterminate() -> None:
    (report,) = reports(
        case(probabilities=(0.5, 0.25), settings=SETTINGS | {"pneumonia": Setting(0.608, 0.4)})
    )
    found = observations(report)
    assert found["finding-1"].interpretation[0].coding[0].code == "IND"
    second = found["finding-2"]
    assert second.valueQuantity is None and second.interpretation is None
    assert second.dataAbsentReason.coding[0].code == "not-asked"
    assert not {"JOINT", "122157", "WARD", "PREVALENCE", "IN-LUNGS"} & set(components(second))


def test_a_refused_film_has_the_refusal_alone() -> None:
    first, second = reports(refused(), case())
    assert list(observations(first)) == ["film-check", "reader"]
    check = observations(first)["film-check"]
    assert check.valueCodeableConcept.coding[0].code == "REFUSED"
    assert "ages 1 to 5" in check.note[1].text
    assert len(observations(second)) == 4
