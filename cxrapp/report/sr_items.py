"""The items a structured report is built of, as highdicom has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cxrapp import __version__
from cxrapp.model.card import ModelCard
from cxrapp.report import codes
from cxrapp.report.codes import Concept
from cxrapp.words import PROGRAM

if TYPE_CHECKING:
    from highdicom.sr import (
        AlgorithmIdentification,
        CodeContentItem,
        CodedConcept,
        Measurement,
        TextContentItem,
    )


def algorithm(card: ModelCard) -> AlgorithmIdentification:
    """The model by its name, with the digest of its file as the version, and what ran it."""
    from highdicom.sr import AlgorithmIdentification

    version = f"SHA-256 {card.sha256}"
    program = [f"{PROGRAM} {__version__}"]
    return AlgorithmIdentification(card.name, version, parameters=program, manufacturer=PROGRAM)


def number_item(concept: Concept, value: float) -> Measurement:
    """A number without a unit."""
    from highdicom.sr import Measurement

    return Measurement(coded(concept), float(value), coded(codes.NO_UNIT))


def text_item(name: CodedConcept, value: str) -> TextContentItem:
    """Words for people."""
    from highdicom.sr import TextContentItem

    return TextContentItem(name, value, relationship_type="CONTAINS")


def code_item(name: Concept, value: Concept) -> CodeContentItem:
    """A coded answer to a coded question."""
    from highdicom.sr import CodeContentItem

    return CodeContentItem(coded(name), coded(value), relationship_type="CONTAINS")


def coded(concept: Concept) -> CodedConcept:
    """A code as highdicom has it."""
    from highdicom.sr import CodedConcept

    return CodedConcept(concept.code, concept.scheme, concept.meaning)
