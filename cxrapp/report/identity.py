"""A released film without the patient's identity.

The Safe Harbor list of HIPAA, 45 CFR 164.514(b)(2): no names, numbers and dates, and no age over
89. Text burned into a film's own pixels is neither looked for nor removed.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from cxrapp.report.case import Case, ReaderCall
from cxrapp.words import age_words, plain

if TYPE_CHECKING:
    from cxrapp.report.release import Release

OLDEST = 90.0  # years; all ages from here on are one
# Codes of PS3.3 C.7.3.1, C.8.11.7 and PS3.16 annex L. A tag holding anything else may hold a name.
TERMS = frozenset(
    "CR DX DR RF XA MG CT MR US PT NM OT SC AP PA LL RL LLD RLD LLO RLO RAO LAO LATERAL "
    "ABDOMEN ANKLE ARM BREAST CLAVICLE CHEST COCCYX CSPINE ELBOW EXTREMITY FEMUR FINGER FOOT "
    "FOREARM HAND HEAD HEEL HIP HUMERUS JAW KNEE LEG LSPINE NECK PELVIS RIB SHOULDER SKULL SPINE "
    "SSPINE STERNUM THIGH THUMB TOE TSPINE WRIST".split()
)


def without_identity(full: Release, case: Case) -> Release:
    """What may leave of a film where nobody asked for its identity.

    Args:
        full: With identity.
        case: What it was made from.
    """
    age = full.age_years
    coarse = None if age is None else min(_rounded_down(age), OLDEST)
    reasons = full.reasons
    if age is not None and coarse is not None:
        # The gate's own words for the age, to three digits: months and days of a birthday.
        words = "90 or more years" if coarse == OLDEST else age_words(coarse)
        reasons = tuple(reason.replace(f"{age:.3g} years", words) for reason in reasons)
    for tag in (plain(tag or "") for tag in (case.modality, case.view, case.body_part)):
        if tag and tag not in TERMS:
            reasons = tuple(reason.replace(tag, "left out") for reason in reasons)
    return replace(
        full,
        film=full.mark,
        reasons=reasons,
        age_years=coarse,
        modality=full.modality if full.modality in TERMS else None,
        view=full.view if full.view in TERMS else None,
        patient=None,
        study_uid=None,
        study_date=None,
        screened=None,
        reader=full.reader and ReaderCall(full.reader.call),
    )


def _rounded_down(years: float) -> float:
    """To whole years, or to months below two: an exact age and a date give a birthday away."""
    return float(math.floor(years)) if years >= 2 else math.floor(years * 12 + 1e-6) / 12
