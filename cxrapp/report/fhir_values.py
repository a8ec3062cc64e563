"""FHIR's small data types, as the plain values its resources are built of."""

import math
from typing import Any

from cxrapp.report import codes
from cxrapp.report.codes import Concept
from cxrapp.statistics.bootstrap import Rate

Resource = dict[str, Any]
SYSTEMS = {
    "SCT": "http://snomed.info/sct",
    "DCM": "http://dicom.nema.org/resources/ontology/DCM",
    "UCUM": "http://unitsofmeasure.org",
    codes.PRIVATE: "urn:cxrapp:codes",
}


def rate_parts(concept: Concept, rate: Rate) -> list[Resource]:
    """A measure and the two ends of its 95 % interval; nothing where no film could give it."""
    if math.isnan(rate.value):
        return []
    parts = [number_part(concept, rate.value)]
    for end, word, value in (("LOW", "lower", rate.low), ("HIGH", "upper", rate.high)):
        meaning = f"{concept.meaning}, {word} end of the 95 % interval"
        parts.append(number_part(Concept(f"{concept.code}-{end}", codes.PRIVATE, meaning), value))
    return parts


def number_part(concept: Concept, value: float) -> Resource:
    """A component of an Observation."""
    return {"code": codeable(concept), "valueQuantity": quantity(value)}


def quantity(value: float) -> Resource:
    """A number without a unit; six digits are more than any model has."""
    return {"value": round(value, 6), "system": SYSTEMS["UCUM"], "code": codes.NO_UNIT.code}


def codeable(concept: Concept) -> Resource:
    """A CodeableConcept of a code this program shares with DICOM."""
    return coded(SYSTEMS[concept.scheme], concept.code, concept.meaning)


def coded(system: str, code: str, words: str) -> Resource:
    """A CodeableConcept of any code."""
    return {"coding": [{"system": system, "code": code, "display": words}], "text": words}
