"""What leaves: the one place that leaves out a patient's identity and a refused film's numbers.

Every format is written from a `Release`, never from a `Case`, so none can say more than this.
Without identity is by the Safe Harbor list of HIPAA, 45 CFR 164.514(b)(2): no names, numbers and
dates, and no age over 89. Text burned into a film's own pixels is neither looked for nor removed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from PIL import Image

from cxrapp.films.radiograph import Patient
from cxrapp.model.card import Finding, ModelCard
from cxrapp.model.chain import class_names, joint_probabilities
from cxrapp.model.decision import Call, Outcome
from cxrapp.model.gate import Verdict
from cxrapp.report.case import Case, HeatMaps
from cxrapp.statistics.bootstrap import Rate
from cxrapp.statistics.operating_point import operating_point
from cxrapp.words import OVERRULED, SEXES, VERDICTS, age_words, one_line

UID = re.compile(r"(?=.{1,64}$)(0|[1-9]\d*)(\.(0|[1-9]\d*))*", re.ASCII)  # PS3.5, 9.1
OLDEST = 90.0  # years; all ages from here on are one
# Codes of PS3.3 C.7.3.1, C.8.11.7 and PS3.16 annex L. A tag holding anything else may hold a name.
TERMS = frozenset(
    "CR DX DR RF XA MG CT MR US PT NM OT SC AP PA LL RL LLD RLD LLO RLO RAO LAO LATERAL "
    "ABDOMEN ANKLE ARM BREAST CLAVICLE CHEST COCCYX CSPINE ELBOW EXTREMITY FEMUR FINGER FOOT "
    "FOREARM HAND HEAD HEEL HIP HUMERUS JAW KNEE LEG LSPINE NECK PELVIS RIB SHOULDER SKULL SPINE "
    "SSPINE STERNUM THIGH THUMB TOE TSPINE WRIST".split()
)


@dataclass(frozen=True)
class FindingResult:
    """One finding of one film, and how well its threshold did on the validation patients.

    Args:
        probability: In [0, 1], calibrated, of the finding where its `given` is present.
        joint: In [0, 1], of the finding and all it is `given` together.
        goal: The card's name for the threshold; None where it is nobody's goal.
    """

    finding: Finding
    probability: float
    joint: float
    outcome: Outcome
    threshold: float
    goal: str | None
    sensitivity: Rate
    specificity: Rate


@dataclass(frozen=True)
class Release:
    """One film as it leaves. Text from outside is one harmless line.

    Args:
        film: The file's name, or the fingerprint.
        fingerprint: 12 hex digits that name the film without its name.
        overruled: The film was refused, and a reader chose to see its result.
        results: One a finding; none where the result is withheld.
        answers: The chain read as one answer, (class, probability); none where withheld.
        heat_maps: None where withheld.
        patient, study_uid, study_date, screened: None without identity; dates are YYYYMMDD and,
            as the UID, None where the file has no valid one.
        reader_call: What the reader says about the first finding.
    """

    identified: bool
    film: str
    fingerprint: str
    picture: Image.Image
    verdict: Verdict
    overruled: bool
    distance: float
    results: tuple[FindingResult, ...]
    answers: tuple[tuple[str, float], ...]
    heat_maps: HeatMaps | None
    sex: str | None
    age_years: float | None
    modality: str | None
    view: str | None
    patient: Patient | None
    study_uid: str | None
    study_date: str | None
    screened: datetime | None
    reader_call: Call | None

    @property
    def gate_words(self) -> str:
        """What the gate said of the film, as a heading."""
        return OVERRULED if self.overruled else VERDICTS[self.verdict.level]


def release_cases(card: ModelCard, cases: Sequence[Case], *, identified: bool) -> list[Release]:
    """Every film as it may leave.

    Args:
        card: Of the bundle that scored them.
        cases: In the order of the file.
        identified: Whether the patient's identity leaves with them.
    """
    # Films of one export share their thresholds, and each takes two thousand resamples.
    points: dict[tuple[str, float], tuple[Rate, Rate]] = {}
    for case in cases:
        for decision in case.decisions:
            key = (decision.finding, decision.threshold)
            if not case.withheld and key not in points:
                points[key] = _validated(card, *key)
    return [_release(card, case, points, identified=identified) for case in cases]


def _validated(card: ModelCard, finding: str, threshold: float) -> tuple[Rate, Rate]:
    point = operating_point(card.scores("validation", finding), threshold)
    return point.sensitivity, point.specificity


def _release(
    card: ModelCard,
    case: Case,
    points: dict[tuple[str, float], tuple[Rate, Rate]],
    *,
    identified: bool,
) -> Release:
    shown = not case.withheld
    name = case.fingerprint
    full = Release(
        identified=identified,
        film=one_line(case.name) or name,
        fingerprint=name,
        picture=case.picture,
        verdict=Verdict(case.verdict.level, tuple(map(one_line, case.verdict.reasons))),
        overruled=case.overruled,
        distance=case.distance,
        results=_results(card, case, points) if shown else (),
        answers=_answers(card, case) if shown else (),
        heat_maps=case.heat_maps if shown else None,
        sex=case.sex if case.sex in SEXES else None,
        age_years=case.age_years,
        modality=case.modality and one_line(case.modality),
        view=case.view and one_line(case.view),
        patient=case.patient and _clean_patient(case.patient),
        study_uid=case.study_uid if UID.fullmatch(case.study_uid or "") else None,
        study_date=_date(case.study_date),
        screened=case.screened,
        reader_call=case.reader_call,
    )
    return full if identified else without_identity(full, case)


def _results(
    card: ModelCard, case: Case, points: dict[tuple[str, float], tuple[Rate, Rate]]
) -> tuple[FindingResult, ...]:
    joint: dict[str, float] = {}
    results = []
    for finding, named, decision in zip(
        card.findings, card.operating_points, case.decisions, strict=True
    ):
        before = joint[finding.given] if finding.given else 1.0
        joint[finding.name] = before * decision.probability
        sensitivity, specificity = points[finding.name, decision.threshold]
        results.append(
            FindingResult(
                finding,
                decision.probability,
                joint[finding.name],
                decision.outcome,
                decision.threshold,
                next((goal for goal, value in named.items() if value == decision.threshold), None),
                sensitivity,
                specificity,
            )
        )
    return tuple(results)


def _answers(card: ModelCard, case: Case) -> tuple[tuple[str, float], ...]:
    names = class_names(card.findings)
    probabilities = np.array([[decision.probability for decision in case.decisions]])
    return tuple(zip(names, joint_probabilities(probabilities)[0].tolist(), strict=True))


def _clean_patient(patient: Patient) -> Patient:
    name, number = (text and one_line(text) or None for text in (patient.name, patient.patient_id))
    return Patient(name, number, _date(patient.birth_date))


def _date(text: str | None) -> str | None:
    """YYYYMMDD where it is a day; what else a file may say there is no date."""
    try:
        day = datetime.strptime(text or "", "%Y%m%d").date()
    except ValueError:
        return None
    return day.isoformat().replace("-", "")


def without_identity(full: Release, case: Case) -> Release:
    """What may leave of a film where nobody asked for its identity.

    Args:
        full: With identity.
        case: What it was made from.
    """
    age = full.age_years
    coarse = None if age is None else min(_rounded_down(age), OLDEST)
    reasons = full.verdict.reasons
    if age is not None and coarse is not None:
        # The gate's own words for the age, to three digits: months and days of a birthday.
        words = "90 or more years" if coarse == OLDEST else age_words(coarse)
        reasons = tuple(reason.replace(f"{age:.3g} years", words) for reason in reasons)
    for tag in (one_line(tag or "") for tag in (case.modality, case.view, case.body_part)):
        if tag and tag not in TERMS:
            reasons = tuple(reason.replace(tag, "left out") for reason in reasons)
    return replace(
        full,
        film=full.fingerprint,
        verdict=replace(full.verdict, reasons=reasons),
        age_years=coarse,
        modality=full.modality if full.modality in TERMS else None,
        view=full.view if full.view in TERMS else None,
        patient=None,
        study_uid=None,
        study_date=None,
        screened=None,
    )


def _rounded_down(years: float) -> float:
    """To whole years, or to months below two: an exact age and a date give a birthday away."""
    return float(math.floor(years)) if years >= 2 else math.floor(years * 12 + 1e-6) / 12
