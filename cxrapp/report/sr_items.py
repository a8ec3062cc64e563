"""The items a structured report is built of, as highdicom has them."""

from highdicom.sr import (
    AlgorithmIdentification,
    CodeContentItem,
    CodedConcept,
    Measurement,
    TextContentItem,
)

from cxrapp import __version__
from cxrapp.model.card import ModelCard
from cxrapp.report import codes
from cxrapp.report.codes import Concept
from cxrapp.words import PROGRAM


def algorithm(card: ModelCard) -> AlgorithmIdentification:
    """The model by its name, with the digest of its file as the version, and what ran it."""
    version = f"SHA-256 {card.sha256}"
    program = [f"{PROGRAM} {__version__}"]
    return AlgorithmIdentification(card.name, version, parameters=program, manufacturer=PROGRAM)


def number_item(concept: Concept, value: float) -> Measurement:
    """A number without a unit."""
    return Measurement(coded(concept), float(value), coded(codes.NO_UNIT))


def text_item(name: CodedConcept, value: str) -> TextContentItem:
    """Words for people."""
    return TextContentItem(name, value, relationship_type="CONTAINS")


def code_item(name: Concept, value: Concept) -> CodeContentItem:
    """A coded answer to a coded question."""
    return CodeContentItem(coded(name), coded(value), relationship_type="CONTAINS")


def coded(concept: Concept) -> CodedConcept:
    """A code as highdicom has it."""
    return CodedConcept(concept.code, concept.scheme, concept.meaning)
