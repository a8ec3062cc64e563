"""Results as FHIR: one DiagnosticReport a film, all it refers to contained in it.

R4B, not R5: hospitals run R4, and for these resources the two are the same on the wire. Every
report is `preliminary` until a physician makes it theirs.
"""

import uuid
from collections.abc import Sequence

from fhir.resources.R4B.bundle import Bundle

from cxrapp import __version__
from cxrapp.model.card import ModelCard
from cxrapp.model.gate import UNCHECKED
from cxrapp.report import codes
from cxrapp.report.codes import Concept, film_numbers, finding_concept, performance_rates
from cxrapp.report.fhir_values import Resource, codeable, coded, number_part, quantity, rate_parts
from cxrapp.report.release import Release
from cxrapp.report.summary import agreement_line, finding_line, performance_line, summary_lines
from cxrapp.words import NOT_A_DIAGNOSIS, PROGRAM, date_words, person_words

TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
INTERPRETATIONS = {"positive": "POS", "negative": "NEG", "undecided": "IND"}
GENDERS = {"F": "female", "M": "male", "O": "other"}


def write(card: ModelCard, releases: Sequence[Release]) -> bytes:
    """A Bundle of type collection as JSON, validated by fhir.resources."""
    entries = [
        {"fullUrl": f"urn:uuid:{uuid.uuid4()}", "resource": _report(card, release)}
        for release in releases
    ]
    bundle = Bundle.model_validate(
        {"resourceType": "Bundle", "type": "collection", "entry": entries}
    )
    return (bundle.model_dump_json(indent=2) + "\n").encode()


def _report(card: ModelCard, release: Release) -> Resource:
    patient = _patient(release)
    results = [_film_check(release)]
    results += [_finding(release, k) for k in range(len(release.results))]
    if release.reader_call:
        call = codeable(codes.CALLS[release.reader_call])
        results.append(_observation("reader", codes.READER) | {"valueCodeableConcept": call})
    for observation in results:
        if patient:
            observation["subject"] = {"reference": "#patient"}
        if observation["id"] != "reader":
            observation["device"] = {"reference": "#model"}
    return {
        "resourceType": "DiagnosticReport",
        "contained": [*([patient] if patient else []), _device(card), *results],
        "status": "preliminary",
        "category": [coded(f"{TERMINOLOGY}/v2-0074", "RAD", "Radiology")],
        "code": coded("http://loinc.org", "36554-4", "XR Chest Single view"),
        "result": [{"reference": f"#{observation['id']}"} for observation in results],
        "conclusion": "\n".join([*summary_lines(release), NOT_A_DIAGNOSIS]),
        "identifier": [{"system": "urn:cxrapp:film", "value": release.fingerprint}],
        **({"subject": {"reference": "#patient"}} if patient else {}),
        **_study(release),
    }


def _study(release: Release) -> Resource:
    values: Resource = {}
    if release.screened:
        values["issued"] = release.screened.isoformat(timespec="seconds")
    if release.tags.study.date:
        values["effectiveDateTime"] = date_words(release.tags.study.date)
    if release.tags.study.uid:
        identifier = {"system": "urn:dicom:uid", "value": f"urn:oid:{release.tags.study.uid}"}
        values["imagingStudy"] = [{"type": "ImagingStudy", "identifier": identifier}]
    return values


def _patient(release: Release) -> Resource | None:
    values: Resource = {}
    if release.tags.sex:
        values["gender"] = GENDERS[release.tags.sex]
    if release.tags.patient.name:
        values["name"] = [_human_name(release.tags.patient.name)]
    if release.tags.patient.patient_id:
        values["identifier"] = [{"value": release.tags.patient.patient_id}]
    if release.tags.patient.birth_date:
        values["birthDate"] = date_words(release.tags.patient.birth_date)
    return {"resourceType": "Patient", "id": "patient", **values} if values else None


def _human_name(name: str) -> Resource:
    family, *given = (part.strip() for part in name.split("=")[0].split("^")[:3])
    parts = {"family": family, "given": [part for part in given if part]}
    return {"text": person_words(name)} | {key: part for key, part in parts.items() if part}


def _device(card: ModelCard) -> Resource:
    """The model: a device, as software that helps to diagnose is one."""
    return {
        "resourceType": "Device",
        "id": "model",
        "identifier": [{"system": "urn:cxrapp:bundle-sha256", "value": card.sha256}],
        "manufacturer": PROGRAM,
        "deviceName": [{"name": card.name, "type": "model-name"}],
        "version": [
            {"type": {"text": "SHA-256 of the model file"}, "value": card.sha256},
            {"type": {"text": "program"}, "value": f"{PROGRAM} {__version__}"},
        ],
        "note": [{"text": text} for text in (card.intended_use, *card.limits, UNCHECKED)],
    }


def _film_check(release: Release) -> Resource:
    """What the gate said, and what it knows of the lungs where somebody looked for them."""
    lungs = release.lungs
    parts: list[Resource] = []
    if lungs:
        parts = [
            {"code": codeable(codes.FILM_KIND), "valueString": lungs.kind},
            {"code": codeable(codes.LOOKS_ADULT), "valueBoolean": lungs.looks_adult},
            *map(number_part, codes.LUNG_AREAS, lungs.areas),
        ]
    return _observation("film-check", codes.FILM_CHECK) | {
        "valueCodeableConcept": codeable(
            codes.OVERRULED if release.overruled else codes.VERDICTS[release.verdict.level]
        ),
        "note": [{"text": text} for text in (release.gate_words, *release.verdict.reasons)],
        **({"component": parts} if parts else {}),
    }


def _finding(release: Release, k: int) -> Resource:
    """The probability and what is made of it; a finding that was not asked has neither."""
    result = release.results[k]
    numbers = film_numbers(release, k)
    probability = numbers.pop(codes.PROBABILITY, None)
    parts = [
        number_part(codes.THRESHOLD, result.threshold),
        *(part for rate in performance_rates(result) for part in rate_parts(*rate)),
        *(number_part(*number) for number in numbers.items()),
    ]
    observation = _observation(f"finding-{k + 1}", finding_concept(result.finding))
    if probability is None:
        reason = coded(f"{TERMINOLOGY}/data-absent-reason", "not-asked", "Not Asked")
        observation["dataAbsentReason"] = reason
    else:
        code = INTERPRETATIONS[result.outcome]
        system = f"{TERMINOLOGY}/v3-ObservationInterpretation"
        words = codes.OUTCOMES[result.outcome].meaning
        observation["valueQuantity"] = quantity(probability)
        observation["interpretation"] = [coded(system, code, words)]
    notes = [finding_line(result), *(performance_line(result, one) for one in result.performance)]
    notes += filter(None, [agreement_line(release, k)])
    return observation | {"component": parts, "note": [{"text": text} for text in notes]}


def _observation(name: str, concept: Concept) -> Resource:
    category = coded(f"{TERMINOLOGY}/observation-category", "imaging", "Imaging")
    return {
        "resourceType": "Observation",
        "id": name,
        "status": "preliminary",
        "category": [category],
        "code": codeable(concept),
    }
