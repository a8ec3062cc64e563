"""Results as JSON: everything, in this program's own words, for the next program to read."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from cxrapp import __version__
from cxrapp.model.card import ModelCard
from cxrapp.model.gate import UNCHECKED
from cxrapp.model.lungs import SIDES, ZONES, Lungs
from cxrapp.report.release import FindingResult, Release
from cxrapp.statistics.bootstrap import Rate
from cxrapp.words import NOT_A_DIAGNOSIS, PROGRAM

if TYPE_CHECKING:  # it brings the network along, and nothing here needs one
    from cxrapp.explain.trust import LungEvidence, MethodAgreement

# 3 had numbers of findings that were not asked; 2 the validation cohort alone; 1 the gate's status
# in one word.
SCHEMA = 4


def write(card: ModelCard, releases: Sequence[Release]) -> bytes:
    """One strict JSON object, UTF-8: the model once, then one entry a film.

    A withheld film has no findings and no heat maps; a finding that was not asked no probability
    and no map. Measures that no film could give are null.
    """
    values = {
        "schema": SCHEMA,
        "notice": NOT_A_DIAGNOSIS,
        "program": {"name": PROGRAM, "version": __version__},
        "model": _model(card),
        "identified": any(release.identified for release in releases),
        "films": [_film(card, release) for release in releases],
    }
    return (json.dumps(values, indent=2, allow_nan=False, ensure_ascii=False) + "\n").encode()


def _model(card: ModelCard) -> dict[str, Any]:
    return {
        "bundle": card.name,
        "bundle_sha256": card.sha256,
        "population": card.population,
        "intended_use": card.intended_use,
        "out_of_scope": card.out_of_scope,
        "limits": (*card.limits, UNCHECKED),
        "cohorts": {name: cohort.description for name, cohort in card.cohorts.items()},
    }


def _film(card: ModelCard, release: Release) -> dict[str, Any]:
    return {
        "film": release.film,
        "pixels": {
            "sha256_start": release.fingerprint,
            "width": release.picture.width,
            "height": release.picture.height,
        },
        "patient": (asdict(release.tags.patient) if release.identified else {})
        | {"sex": release.tags.sex, "age_years": release.tags.age_years},
        "study": {
            "uid": release.tags.study.uid,
            "date": release.tags.study.date,
            "modality": release.tags.modality,
            "view": release.tags.view,
        },
        "screened": release.screened and release.screened.isoformat(timespec="seconds"),
        "gate": {
            "verdict": release.verdict.level,
            "overruled": release.overruled,
            "meaning": release.gate_words,
            "reasons": release.verdict.reasons,
            "distance": round(release.distance, 3),
            "warns_above": card.gate.warn,
            "refuses_above": card.gate.refuse,
        },
        "lungs": _lungs(release.lungs),
        "findings": [_finding(result) for result in release.results],
        "answers": [
            {"answer": name, "probability": probability} for name, probability in release.answers
        ],
        "heat_maps": _heat_maps(release),
        "reader_call": release.reader_call,
        "comment": release.comment or None,
    }


def _lungs(lungs: Lungs | None) -> dict[str, Any] | None:
    """What was found; null where nobody looked. Sides are the film's as it hangs."""
    if lungs is None:
        return None
    return {
        "kind": lungs.kind,
        "looks_adult": lungs.looks_adult,
        "implausible": lungs.implausible,
        "share_of_film": dict(zip(SIDES, (round(area, 4) for area in lungs.areas), strict=True)),
    }


def _finding(result: FindingResult) -> dict[str, Any]:
    return {
        **asdict(result.finding),
        "probability": result.probability,
        "joint_probability": result.joint,
        "decision": result.outcome,
        "threshold": result.threshold,
        "threshold_goal": result.goal,
        "weak": result.weakness,
        "ward": result.prevalence
        and {
            "prevalence": result.prevalence,
            "probability": result.ward,
            "calibrated_to": result.calibrated_to,
        },
        "performance": {
            performance.cohort: {
                "films": performance.films,
                "sensitivity": _rate(performance.sensitivity),
                "specificity": _rate(performance.specificity),
            }
            for performance in result.performance
        },
    }


def _rate(rate: Rate) -> dict[str, float | int] | None:
    return None if math.isnan(rate.value) else asdict(rate)


def _heat_maps(release: Release) -> dict[str, Any] | None:
    heats = release.heat_maps
    if heats is None:
        return None
    maps = zip(release.results, heats.values, strict=False)  # of those that were asked
    return {
        "method": heats.method,
        "unit": heats.unit,
        "in_lungs": heats.in_lungs and _in_lungs(release, heats.in_lungs),
        "agreement": heats.agreement and _agreement(release, heats.agreement),
        # Four digits are more than a colour can show.
        "maps": {
            result.finding.name: [[float(f"{cell:.4g}") for cell in row] for row in grid]
            for result, grid in maps
        },
    }


def _in_lungs(release: Release, found: "LungEvidence") -> dict[str, Any]:
    """Shares of each map's heat; null where a map has none. Sides are the film's as it hangs."""
    return {
        result.finding.name: {
            "share": _share(found.inside[k]),
            "by_chance": _share(found.chance[k]),
            "low": found.is_low(k),
            "zones": {
                side: {zone: _share(found.zones[k, s, z]) for z, zone in enumerate(ZONES)}
                for s, side in enumerate(SIDES)
            },
        }
        for k, result in enumerate(release.results[: len(found.inside)])
    }


def _agreement(release: Release, found: "MethodAgreement") -> dict[str, Any]:
    """Rank correlation of the two methods that the reader compared; null where a map is empty."""
    findings = {}
    for k, result in enumerate(release.results[: len(found.values)]):
        numbers = (found.values[k], *found.by_chance(k))
        names = ("value", "by_chance", "by_chance_at_most")
        findings[result.finding.name] = dict(zip(names, map(_share, numbers), strict=True))
    return {"methods": found.methods, "findings": findings}


def _share(value: float) -> float | None:
    return None if math.isnan(value) else round(float(value), 4)
