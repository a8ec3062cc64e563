"""A result in a few lines of plain text, for the places that hold nothing better."""

from cxrapp.report.release import FindingResult, Performance, Release
from cxrapp.words import (
    agreement_words,
    capitalised,
    evidence_words,
    outcome_words,
    percent,
    rate_words,
    share_words,
    weak_words,
)


def summary_lines(release: Release) -> list[str]:
    """The gate's word, then one line a finding, and what to be wary of; of a withheld result the
    first alone."""
    lines = [film_line(release), *(finding_line(result) for result in release.results)]
    return lines + caution_lines(release)


def caution_lines(release: Release) -> list[str]:
    """What the screen warns of beside an answer: that the model is weak at it."""
    return [
        f"{capitalised(result.finding.positive)}: {weak_words(result.weakness)}"
        for result in release.results
        if result.weakness and result.asked
    ]


def film_line(release: Release) -> str:
    """What the gate said, with its reasons."""
    return " ".join([f"{release.gate_words}.", *release.verdict.reasons])


def finding_line(result: FindingResult) -> str:
    """Decision, probability and threshold of one finding; and the probability on the ward."""
    outcome, meaning = outcome_words(result.finding, result.outcome)
    decision = f"{outcome} ({meaning})" if meaning else outcome
    if not result.asked:
        return f"{capitalised(result.finding.positive)}: {decision}."
    given = result.finding.given
    condition = f" if {given}" if given else ""
    overall = f", overall {percent(result.joint)}" if given else ""
    line = (
        f"{capitalised(result.finding.positive)}: {decision}. "
        f"Probability{condition} {percent(result.ward)}{overall}"
    )
    if result.prevalence is None:
        return f"{line}; threshold {percent(result.threshold)}."
    return (
        f"{line}, where {share_words(result.prevalence)} have it; {percent(result.probability)} as "
        f"calibrated, where {share_words(result.calibrated_to)} have it, against a threshold of "
        f"{percent(result.threshold)}."
    )


def performance_line(result: FindingResult, performance: Performance) -> str:
    """How well the threshold did on one cohort, and which films these are."""
    chosen = result.goal and performance.cohort == "validation"
    whose = f"On {performance.cohort} films" + (", where it was chosen" if chosen else "")
    return (
        f"{whose}: sensitivity {rate_words(performance.sensitivity)}, specificity "
        f"{rate_words(performance.specificity)}; 95 % intervals by patient, {performance.films}."
    )


def agreement_line(release: Release, k: int) -> str:
    """Whether the two methods that the reader compared agree on finding k; empty where none were
    compared or the finding was not asked."""
    found, result = release.heat_maps and release.heat_maps.agreement, release.results[k]
    if not (found and result.asked and found.is_known(k)):
        return ""
    above = found.is_above_chance(k)
    words = agreement_words(found.values[k], found.by_chance(k), above=above)
    return f"{capitalised(result.finding.positive)}: {' and '.join(found.methods)} {words}."


def lung_lines(release: Release) -> list[str]:
    """How much of each map's evidence lies in the lungs, and what the line on it is; may be none.

    Of findings that have evidence and were not read as absent; those read as present are warned of
    where less of it lies there than chance would put.
    """
    found = release.heat_maps and release.heat_maps.in_lungs
    if not found:
        return []
    lines = ["The line is the edge of the lungs as the program found them."]
    for k, result in enumerate(release.results):
        if result.outcome in ("negative", "not asked") or not found.inside[k] >= 0:
            continue
        words = evidence_words(found.inside[k], found.chance[k], found.zones[k])
        low = found.is_low(k) and result.outcome == "positive"
        warning = ": do not rely on the map" if low else ""
        lines.append(f"{capitalised(result.finding.positive)}: {words}{warning}.")
    return lines
