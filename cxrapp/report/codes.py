"""Codes shared by DICOM and FHIR: standard ones where there are any, this program's otherwise.

SCT is SNOMED CT, DCM is PS3.16 annex D, UCUM has the units; DICOM and FHIR write the same codes
under other names of the scheme.
"""

import math
from dataclasses import dataclass

from cxrapp.model.card import Finding
from cxrapp.report.release import FindingResult, Performance, Release
from cxrapp.statistics.bootstrap import Rate

PRIVATE = "99CXRAPP"


@dataclass(frozen=True)
class Concept:
    """A code, the scheme it is from, and at most 64 characters of meaning."""

    code: str
    scheme: str
    meaning: str


PROBABILITY = Concept("122157", "DCM", "Probability")
THRESHOLD = Concept("122411", "DCM", "Threshold Value")
SENSITIVITY = Concept("111088", "DCM", "Case Sensitivity")
SPECIFICITY = Concept("111090", "DCM", "Case Specificity")
JOINT = Concept("JOINT", PRIVATE, "Probability together with what it is given")
IN_LUNGS = Concept("IN-LUNGS", PRIVATE, "Share of the map's evidence in the lungs")
IN_LUNGS_BY_CHANCE = Concept("IN-LUNGS-CHANCE", PRIVATE, "The same by chance")
AGREEMENT = Concept("AGREEMENT", PRIVATE, "Rank correlation of two methods' maps")
AGREEMENT_BY_CHANCE = Concept("AGREEMENT-CHANCE", PRIVATE, "The same by chance, on average")
AGREEMENT_AT_MOST = Concept("AGREEMENT-MOST", PRIVATE, "The same by chance, at most")
LUNG_AREAS = (
    Concept("LUNG-LEFT", PRIVATE, "Lung on the film's left, share of the film"),
    Concept("LUNG-RIGHT", PRIVATE, "Lung on the film's right, share of the film"),
)
FILM_KIND = Concept("FILM-KIND", PRIVATE, "What the film is by its lungs")
LOOKS_ADULT = Concept("LOOKS-ADULT", PRIVATE, "Looks like an adult's film")
WARD = Concept("WARD", PRIVATE, "Probability at the reader's prevalence")
PREVALENCE = Concept("PREVALENCE", PRIVATE, "Prevalence given by the reader")
DECISION = Concept("DECISION", PRIVATE, "Decision at the threshold")
FILM_CHECK = Concept("FILM-CHECK", PRIVATE, "Does the model know such films?")
READER = Concept("READER", PRIVATE, "Reader's call")
CHEST_FILM = Concept("399208008", "SCT", "Plain chest X-ray")
NO_UNIT = Concept("1", "UCUM", "no units")

OUTCOMES = {
    "positive": Concept("10828004", "SCT", "Positive"),
    "negative": Concept("260385009", "SCT", "Negative"),
    "undecided": Concept("82334004", "SCT", "Indeterminate"),
    "not asked": Concept("NOT-ASKED", PRIVATE, "Not asked: what it is given is not positive"),
}
# Archives hold these codes: they stay as they are.
VERDICTS = {
    "accept": Concept("ACCEPTED", PRIVATE, "Accepted"),
    "warn": Concept("WARNED", PRIVATE, "Unusual film"),
    "refuse": Concept("REFUSED", PRIVATE, "Refused: no result"),
}
OVERRULED = Concept("OVERRULED", PRIVATE, "Refused, and overruled by a reader")
CALLS = {
    "positive": OUTCOMES["positive"],
    "negative": OUTCOMES["negative"],
    "unsure": OUTCOMES["undecided"],
}
FINDINGS = {
    "pneumonia": Concept("233604007", "SCT", "Pneumonia"),
    "viral": Concept("75570004", "SCT", "Viral pneumonia"),
    "covid19": Concept("840539006", "SCT", "COVID-19"),
}


def on_cohort(concept: Concept, cohort: str) -> Concept:
    """A measure of the threshold on films other than the last cohort's, which has DICOM's code."""
    code = f"{concept.meaning.split()[-1][:4]}-{cohort}".upper().replace(" ", "-")
    return Concept(code[:16], PRIVATE, f"{concept.meaning} on {cohort} films")


def finding_concept(finding: Finding) -> Concept:
    """The code of a finding; a private one for findings this program does not know."""
    known = FINDINGS.get(finding.name)
    return known or Concept(finding.name.upper()[:16], PRIVATE, finding.positive[:64])


def film_numbers(release: Release, k: int) -> dict[Concept, float]:
    """What the film has of finding k: nothing where it was not asked, and nothing that is NaN."""
    result, heats = release.results[k], release.heat_maps
    if not result.asked:
        return {}
    numbers = {PROBABILITY: result.probability, JOINT: result.joint}
    if result.prevalence is not None:
        numbers |= {PREVALENCE: result.prevalence, WARD: result.ward}
    if heats and heats.in_lungs:
        numbers[IN_LUNGS] = heats.in_lungs.inside[k]
        numbers[IN_LUNGS_BY_CHANCE] = heats.in_lungs.chance[k]
    if heats and heats.agreement and heats.agreement.is_known(k):
        numbers[AGREEMENT] = heats.agreement.values[k]
        chance = heats.agreement.by_chance(k)
        numbers |= dict(zip((AGREEMENT_BY_CHANCE, AGREEMENT_AT_MOST), chance, strict=True))
    return {concept: float(value) for concept, value in numbers.items() if not math.isnan(value)}


def performance_rates(result: FindingResult) -> list[tuple[Concept, Rate]]:
    """Sensitivity and specificity of every cohort, by their codes; DICOM's own for the last."""
    *others, last = result.performance
    rates = [
        (on_cohort(concept, one.cohort), rate) for one in others for concept, rate in _rates(one)
    ]
    return [*rates, *_rates(last)]


def _rates(performance: Performance) -> tuple[tuple[Concept, Rate], ...]:
    return ((SENSITIVITY, performance.sensitivity), (SPECIFICITY, performance.specificity))
