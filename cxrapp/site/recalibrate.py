"""A bundle's card with its probabilities set right for a clinic: what `recalibration` measured."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date

import numpy as np
from scipy.special import expit, logit

from cxrapp.model.card import Calibration, ModelCard
from cxrapp.site.assess import SiteReport


def recalibrate(card: ModelCard, reports: Iterable[SiteReport], today: date) -> ModelCard | None:
    """The card as it would be had it been calibrated on the clinic's films.

    Log-odds at the clinic are intercept + slope * those the bundle states, and thresholds move
    along, so that no film's decision changes: only its probability does.

    Returns:
        None where no finding has films enough for it and a line that could be fitted.
    """
    calibrations, points, notes = list(card.calibrations), list(card.operating_points), []
    for report in reports:
        found = report.calibration
        if not report.many or found is None or found.slope is None or found.slope.value <= 0:
            continue
        slope, intercept, k = found.slope.value, found.intercept.value, card.index(report.finding)
        before = calibrations[k]
        calibrations[k] = Calibration(
            slope * before.slope, slope * before.intercept + intercept, before.mislabelled
        )
        points[k] = {
            name: float(expit(slope * logit(np.clip(at, 1e-9, 1 - 1e-9)) + intercept))
            for name, at in points[k].items()
        }
        notes.append(
            f"The probability of {report.finding} was recalibrated on {report.films:,} films of "
            f"{report.patients:,} patients of a clinic on {today.isoformat()} (slope {slope:.2f}, "
            f"intercept {intercept:+.2f}); the measures of calibration on this card are of before."
        )
    if not notes:
        return None
    return replace(
        card,
        calibrations=tuple(calibrations),
        operating_points=tuple(points),
        limits=(*card.limits, *notes),
    )
