"""A site report in sentences."""

from cxrapp.site.assess import SiteReport
from cxrapp.statistics.bootstrap import Rate
from cxrapp.statistics.operating_point import OperatingPoint
from cxrapp.statistics.recalibration import SiteCalibration


def describe(report: SiteReport) -> tuple[str, ...]:
    """What was found, for a reader who knows no statistics; `report.warnings` come besides."""
    sentences = [
        f"{report.films:,} films of {report.patients:,} patients are labelled for "
        f"{report.finding}: {report.positives:,} with it, {report.negatives:,} without."
    ]
    if report.auroc:
        auroc = report.auroc
        sentences.append(f"AUROC {auroc.value:.3f} ({auroc.low:.3f} to {auroc.high:.3f}).")
    if report.own:
        sentences.append(f"At the bundle's own threshold {_describe_point(report.own)}")
    if report.recommended:
        sentences += [
            f"At the recommended threshold {_describe_point(report.recommended.point)}",
            f"It is chosen to find at least {100 * report.goal:g} % of the films with the finding.",
        ]
    if report.calibration:
        sentences += _describe_calibration(report.calibration)
    return (*sentences, _describe_needed(report))


def _describe_point(point: OperatingPoint) -> str:
    return (
        f"({point.threshold:.3f}) sensitivity is {_share(point.sensitivity)} and specificity "
        f"{_share(point.specificity)}."
    )


def _describe_calibration(calibration: SiteCalibration) -> list[str]:
    observed, shift = calibration.observed, calibration.in_the_large
    sentence = (
        f"The bundle expects the finding on {100 * calibration.stated:.1f} % of the films; it is "
        f"on {_share(observed)}"
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
            f"These films do not show its probabilities to be too bold or too timid (slope "
            f"{_number(slope)}, 1 is perfect)."
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


def _share(rate: Rate) -> str:
    return f"{100 * rate.value:.1f} % ({100 * rate.low:.1f} to {100 * rate.high:.1f})"


def _number(rate: Rate) -> str:
    return f"{rate.value:.2f}, {rate.low:.2f} to {rate.high:.2f}"
