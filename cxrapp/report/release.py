"""What leaves: the one place that leaves out a patient's identity and a refused film's numbers.

Every format is written from a `Release`, never from a `Case`, so none can say more than this.
Without identity is by the Safe Harbor list of HIPAA, 45 CFR 164.514(b)(2): no names, numbers and
dates, and no age over 89. Text burned into a film's own pixels is neither looked for nor removed.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from PIL import Image

from cxrapp.films.names import read_moment
from cxrapp.films.radiograph import Patient, Source, Study, Tags
from cxrapp.films.terms import DEFINED
from cxrapp.model.card import Finding, ModelCard
from cxrapp.model.chain import class_names, joint_probabilities
from cxrapp.model.decision import Call, Outcome
from cxrapp.model.gate import Verdict
from cxrapp.model.lungs import Lungs
from cxrapp.report.case import Case, HeatMaps
from cxrapp.statistics.bootstrap import Rate
from cxrapp.statistics.operating_point import operating_point
from cxrapp.statistics.prevalence import calibrated_to, on_ward
from cxrapp.words import OVERRULED, SEXES, VERDICTS, age_words, one_line

UID = re.compile(r"(?=.{1,64}$)(0|[1-9]\d*)(\.(0|[1-9]\d*))*", re.ASCII)  # PS3.5, 9.1
WEAK = 0.8  # sensitivity below which an answer says so itself
OLDEST = 90.0  # years; all ages from here on are one


@dataclass(frozen=True)
class Performance:
    """What a threshold does on one cohort of the card.

    Args:
        films: The cohort's films on which the finding is defined, and who they are, in words.
    """

    cohort: str
    films: str
    sensitivity: Rate
    specificity: Rate


@dataclass(frozen=True)
class FindingResult:
    """One finding of one film, and how well its threshold did on every cohort of the card.

    Args:
        probability: In [0, 1], calibrated, of the finding where its `given` is present; what the
            threshold is held against. None, as `ward` and `joint`, where it was not asked.
        calibrated_to: The share who have it where that probability is true.
        prevalence: The share who have it on the reader's ward; None where they did not say.
        ward: In [0, 1], the probability there; the calibrated one where they did not say.
        joint: In [0, 1], of the finding and all it is `given` together, on the ward.
        goal: The card's name for the threshold; None where it is nobody's goal.
        weakness: The least share of the ill that the card's own threshold found on any cohort,
            where that is so little that the answer must not be relied on; else None.
        performance: From validation, on which thresholds are chosen, to the test.
    """

    finding: Finding
    probability: float | None
    calibrated_to: float
    prevalence: float | None
    ward: float | None
    joint: float | None
    outcome: Outcome
    threshold: float
    goal: str | None
    weakness: float | None
    performance: tuple[Performance, ...]

    @property
    def asked(self) -> bool:
        """Whether the film has a number of it, and a map."""
        return self.outcome != "not asked"


@dataclass(frozen=True)
class Release:
    """One film as it leaves. Text from outside is one harmless line.

    Args:
        film: The file's name, or the fingerprint.
        fingerprint: 12 hex digits that name the film without its name.
        overruled: The film was refused, and a reader chose to see its result.
        results: One a finding; none where the result is withheld.
        answers: What was asked of the chain, read as one answer, (class, probability); none where
            withheld.
        heat_maps: None where withheld; of the findings that were asked, the first of the chain.
        tags: What may leave of them: without identity no patient, study or source; with it, dates
            are YYYYMMDD, times HHMMSS and, as UIDs, None where the file has no valid one.
        screened: None without identity.
        reader_call: What the reader says about the first finding.
        comment: The reader's own words; empty without identity, as they may name somebody.
        lungs: None where nobody looked for them.
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
    tags: Tags
    screened: datetime | None
    reader_call: Call | None
    comment: str = ""
    lungs: Lungs | None = None

    @property
    def gate_words(self) -> str:
        """What the gate said of the film, as a heading."""
        return OVERRULED if self.overruled else VERDICTS[self.verdict.level]


Points = dict[tuple[str, float], tuple[Performance, ...]]  # by finding and threshold


def release_cases(
    card: ModelCard, cases: Sequence[Case], *, identified: bool, measured: Points | None = None
) -> list[Release]:
    """Every film as it may leave.

    Args:
        card: Of the bundle that scored them.
        cases: In the order of the file.
        identified: Whether the patient's identity leaves with them.
        measured: Of this card and kept from call to call by those who write film after film.
    """
    # Films of one export share their thresholds, and each takes two thousand resamples.
    points: Points = {} if measured is None else measured
    for case in cases:
        for decision in case.decisions:
            key = (decision.finding, decision.threshold)
            if not case.withheld and key not in points:
                points[key] = measure_threshold(card, *key)
    return [_release(card, case, points, identified=identified) for case in cases]


def measure_threshold(card: ModelCard, finding: str, threshold: float) -> tuple[Performance, ...]:
    """What a threshold does on every cohort of the card."""
    points = {name: operating_point(card.scores(name, finding), threshold) for name in card.cohorts}
    return tuple(
        Performance(name, card.describe(name, finding), point.sensitivity, point.specificity)
        for name, point in points.items()
    )


def _release(card: ModelCard, case: Case, points: Points, *, identified: bool) -> Release:
    shown = not case.withheld
    name = case.fingerprint
    full = Release(
        identified=identified,
        film=one_line(case.name) or name,
        fingerprint=name,
        picture=case.picture,
        verdict=Verdict(case.verdict.level, tuple(map(one_line, case.verdict.reasons))),
        overruled=case.overruled and case.verdict.refused,
        distance=case.distance,
        results=_results(card, case, points) if shown else (),
        answers=_answers(card, case) if shown else (),
        heat_maps=case.heat_maps and case.heat_maps.first(case.asked) if shown else None,
        tags=_clean_tags(case.tags),
        screened=case.screened.astimezone(),
        reader_call=case.reader_call,
        comment=one_line(case.comment),
        lungs=case.lungs,
    )
    return full if identified else without_identity(full, case)


def weakness(card: ModelCard, finding: str) -> float | None:
    """The least sensitivity at the card's own threshold on any of its cohorts, if it is weak."""
    found = min(card.metrics[cohort][finding]["sensitivity"]["value"] for cohort in card.cohorts)
    return found if found < WEAK else None


def _results(card: ModelCard, case: Case, points: Points) -> tuple[FindingResult, ...]:
    ward = _on_ward(card, case)
    joint = np.cumprod(ward).tolist()  # each is `given` the one before it
    results = []
    for k, (finding, decision) in enumerate(zip(card.findings, case.decisions, strict=True)):
        named = card.operating_points[k]
        asked = decision.outcome != "not asked"
        results.append(
            FindingResult(
                finding,
                decision.probability if asked else None,
                calibrated_to(card, finding.name),
                case.prevalences.get(finding.name) if asked else None,
                ward[k] if asked else None,
                joint[k] if asked else None,
                decision.outcome,
                decision.threshold,
                next((goal for goal, value in named.items() if value == decision.threshold), None),
                weakness(card, finding.name),
                points[finding.name, decision.threshold],
            )
        )
    return tuple(results)


def _answers(card: ModelCard, case: Case) -> tuple[tuple[str, float], ...]:
    names = class_names(card.findings[: case.asked])
    (joint,) = joint_probabilities(np.array([_on_ward(card, case)[: case.asked]]))
    return tuple(zip(names, joint.tolist(), strict=True))


def _on_ward(card: ModelCard, case: Case) -> tuple[float, ...]:
    probabilities = [decision.probability for decision in case.decisions]
    return on_ward(card, probabilities, case.prevalences)


def _clean_tags(tags: Tags) -> Tags:
    study, source, patient = tags.study, tags.source, tags.patient
    return replace(
        tags,
        sex=tags.sex if tags.sex in SEXES else None,
        modality=_clean(tags.modality),
        view=_clean(tags.view),
        body_part=_clean(tags.body_part),
        study=Study(_uid(study.uid), _date(study.date), _time(study.time), _clean(study.accession)),
        source=Source(
            *(_uid(uid) for uid in (source.sop_class, source.sop_instance, source.series))
        ),
        patient=Patient(
            _clean(patient.name), _clean(patient.patient_id), _date(patient.birth_date)
        ),
    )


def _clean(text: str | None) -> str | None:
    return one_line(text or "") or None


def _uid(text: str | None) -> str | None:
    return text if UID.fullmatch(text or "") else None


def _time(text: str | None) -> str | None:
    """HHMMSS where it is a time of day."""
    digits = (text or "").replace(":", "").partition(".")[0]
    clock = read_moment(digits and digits.ljust(6, "0"), "%H%M%S")
    return clock and f"{clock:%H%M%S}"


def _date(text: str | None) -> str | None:
    """YYYYMMDD where it is a day; what else a file may say there is no date."""
    day = read_moment(text)
    return day and day.date().isoformat().replace("-", "")


def without_identity(full: Release, case: Case) -> Release:
    """What may leave of a film where nobody asked for its identity.

    Args:
        full: With identity.
        case: What it was made from.
    """
    age, tags = full.tags.age_years, case.tags
    coarse = None if age is None else min(_rounded_down(age), OLDEST)
    reasons = full.verdict.reasons
    if age is not None and coarse is not None:
        # The gate's own words for the age, to three digits: months and days of a birthday.
        words = "90 or more years" if coarse == OLDEST else age_words(coarse)
        reasons = tuple(reason.replace(f"{age:.3g} years", words) for reason in reasons)
    for tag in map(_clean, (tags.modality, tags.view, tags.body_part)):
        if tag and tag not in DEFINED:
            reasons = tuple(reason.replace(tag, "left out") for reason in reasons)
    return replace(
        full,
        film=full.fingerprint,
        verdict=replace(full.verdict, reasons=reasons),
        tags=Tags(
            age_years=coarse,
            sex=full.tags.sex,
            view=_defined(full.tags.view),
            modality=_defined(full.tags.modality),
            body_part=_defined(full.tags.body_part),
            spacing_mm=full.tags.spacing_mm,
        ),
        screened=None,
        comment="",
    )


def _rounded_down(years: float) -> float:
    """To whole years, or to months below two: an exact age and a date give a birthday away."""
    return float(math.floor(years)) if years >= 2 else math.floor(years * 12 + 1e-6) / 12


def _defined(term: str | None) -> str | None:
    """A tag that holds anything but a defined term may hold a name."""
    return term if term in DEFINED else None
