"""A result in a few lines of plain text, for the places that hold nothing better."""

from cxrapp.report.release import FindingResult, Release
from cxrapp.words import capitalised, outcome_words, percent


def summary_lines(release: Release) -> list[str]:
    """The gate's word, then one line a finding; no finding where the result is withheld."""
    return [film_line(release), *(finding_line(result) for result in release.results)]


def film_line(release: Release) -> str:
    """What the gate said, with its reasons."""
    return " ".join([f"{release.gate_words}.", *release.verdict.reasons])


def finding_line(result: FindingResult) -> str:
    """Decision, probability and threshold of one finding."""
    outcome, meaning = outcome_words(result.finding, result.outcome)
    decision = f"{outcome} ({meaning})" if meaning else outcome
    given = result.finding.given
    condition = f" if {given}" if given else ""
    overall = f", overall {percent(result.joint)}" if given else ""
    return (
        f"{capitalised(result.finding.positive)}: {decision}. "
        f"Probability{condition} {percent(result.probability)}{overall}; "
        f"threshold {percent(result.threshold)}."
    )
