"""A site's reports as a file of operating points, as JSON, and in sentences."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import date

from cxrapp.model.card import ModelCard
from cxrapp.model.decision import Setting
from cxrapp.runtime.files import to_json
from cxrapp.session.saved_points import SavedPoint
from cxrapp.site.assess import CAVEATS, SiteReport
from cxrapp.statistics.bootstrap import Rate
from cxrapp.statistics.operating_point import OperatingPoint
from cxrapp.statistics.recalibration import SiteCalibration
from cxrapp.words import rate_words, threshold_words

SCHEMA = 1


def to_points(reports: Iterable[SiteReport], today: date) -> tuple[SavedPoint, ...]:
    """The recommended thresholds, for `dump_points`; reports that are not sound are left out."""
    return tuple(
        SavedPoint(
            report.finding,
            f"site: sensitivity at least {100 * report.goal:g} %",
            Setting(report.recommended.threshold.value),
            note=_note(report, today),
            saved=today.isoformat(),
        )
        for report in reports
        if report.sound
    )


def _note(report: SiteReport, today: date) -> str:
    return (
        f"Site calibration on {report.films:,} films of {report.patients:,} patients, goal "
        f"sensitivity at least {100 * report.goal:g} % by the lower bound of its 95 % interval, "
        f"{today.isoformat()}."
    )


def summarise(
    card: ModelCard, reports: Iterable[SiteReport], today: date, grouping: str = ""
) -> str:
    """All numbers as strict JSON, without a curve, a film's name or a patient.

    Args:
        card: Of the bundle that was assessed.
        reports: One a finding.
        today: The day written into it.
        grouping: Where the patients come from, `SiteLabels.grouping`.
    """
    values = {
        "schema": SCHEMA,
        "bundle": card.name,
        "bundle_sha256": card.sha256,
        "date": today.isoformat(),
        "grouping": grouping,
        "caveats": CAVEATS,
        "findings": [asdict(report) for report in reports],
    }
    for curve in values["findings"]:
        del curve["roc"]
    return to_json(values)


def describe(report: SiteReport) -> tuple[str, ...]:
    """What was found, for a reader who knows no statistics; the recommended threshold and
    `report.warnings` come besides."""
    sentences = [
        f"{report.films:,} films of {report.patients:,} patients are labelled for "
        f"{report.finding}: {report.positives:,} with it, {report.negatives:,} without."
    ]
    if report.auroc:
        sentences.append(f"AUROC {report.auroc}.")
    if report.own:
        sentences.append(f"At the model's own threshold {_describe_point(report.own)}")
    if report.calibration:
        sentences += _describe_calibration(report.calibration)
    return (*sentences, _describe_needed(report))


def _describe_point(point: OperatingPoint) -> str:
    return (
        f"({threshold_words(point.threshold)}) sensitivity is {rate_words(point.sensitivity)} and "
        f"specificity {rate_words(point.specificity)}."
    )


def _describe_calibration(calibration: SiteCalibration) -> list[str]:
    observed, shift = calibration.observed, calibration.in_the_large
    sentence = (
        f"The model expects the finding on {100 * calibration.stated:.1f} % of the films; it is "
        f"on {rate_words(observed)}"
    )
    # Said only where the interval just printed shows it too.
    if shift.low > 0 and calibration.stated < observed.low:
        sentence += ": its probabilities are too low here"
    elif shift.high < 0 and calibration.stated > observed.high:
        sentence += ": its probabilities are too high here"
    sentences = [f"{sentence}."]
    slope = calibration.slope
    if slope and slope.high < 1:
        sentences.append(f"Its probabilities are too near 0 and 1 here (slope {_number(slope)}).")
    elif slope and slope.low > 1:
        sentences.append(f"Its probabilities are too near the middle (slope {_number(slope)}).")
    elif slope:
        sentences.append(
            f"These films do not show its probabilities to be too extreme or too cautious (slope "
            f"{_number(slope)}, 1 is perfect)."
        )
    error = calibration.error
    sentences.append(
        f"Calibration error {error.value:.3f} ({error.low:.3f} to {error.high:.3f}); chance alone "
        f"would give {calibration.error_if_calibrated:.3f}. Calibration in the large "
        f"{_number(shift)} in log-odds, where 0 is perfect."
    )
    return sentences


def _describe_needed(report: SiteReport) -> str:
    needed = report.needed
    width = f"{100 * needed.half_width:g}"
    sentence = (
        f"To know sensitivity and specificity to within {width} percentage points, "
        f"{needed.positives:,} films with the finding and {needed.negatives:,} without it are "
        "needed"
    )
    if needed.total is None:
        return f"{sentence}."
    share = 100 * report.positives / report.films
    films = f"films with {report.given}" if report.given else "films"
    return (
        f"{sentence}: {needed.total:,} {films} as they come, of which {share:.0f} % are positive."
    )


def _number(rate: Rate) -> str:
    return f"{rate.value:.2f}, {rate.low:.2f} to {rate.high:.2f}"
