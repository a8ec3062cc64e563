"""Reading a model card, and whether its parts fit each other: what no single field can tell."""

from pathlib import Path
from typing import Any

import numpy as np

from cxrapp.model.card import SCHEMA, Cohort, Gate, ModelCard
from cxrapp.model.card_schema import GroupMeasures, read_card
from cxrapp.model.chain import class_names

MAX_CARD_BYTES = 32 * 2**20  # a hundred times the largest so far
SIDES = range(16, 1025)  # pixels a side of the network's input: memory grows with the square
COHORTS = {"validation", "test"}


def load_card(path: Path) -> ModelCard:
    """Read a model card.

    Args:
        path: The bundle's .pt or .json.

    Raises:
        InvalidBundle: See `read_card`.
    """
    upgrades = {SCHEMA: dict[str, Any], 2: upgrade}
    return read_card(path, MAX_CARD_BYTES, ModelCard, check_card, upgrades)


def upgrade(values: dict[str, Any]) -> dict[str, Any]:
    """A card of format 2 as one of format 3: groups and shortcuts were of the test alone, and
    `fit` had one value.

    Values of any shape: what does not fit is left for the checks that follow.
    """
    upgraded = dict(values)
    if isinstance(shape := values.get("preprocessing"), dict) and shape.get("fit") == "squash":
        upgraded["preprocessing"] = {key: shape[key] for key in shape if key != "fit"}
    if isinstance(shortcuts := values.get("shortcuts"), dict):
        upgraded["shortcuts"] = {"test": shortcuts} if shortcuts else {}
    if isinstance(groups := values.get("groups"), dict):
        upgraded["groups"] = {f"test, {name}": _upgrade_group(g) for name, g in groups.items()}
    return upgraded


def _upgrade_group(group: Any) -> Any:
    if not isinstance(group, dict):
        return group
    kept = GroupMeasures.__annotations__
    return {
        finding: {key: rate for key, rate in rates.items() if key in kept}
        if finding != "all findings" and isinstance(rates, dict)
        else rates
        for finding, rates in group.items()
    }


def check_card(card: ModelCard) -> None:
    """Raises ValueError, with the reason, for a card that contradicts itself."""
    names = [finding.name for finding in card.findings]
    class_names(card.findings)  # raises for findings that are no chain
    if len(set(names)) < len(names):
        raise ValueError("two findings have the same name")
    for part in ("calibrations", "operating_points"):
        if len(getattr(card, part)) != len(names):
            raise ValueError(f"{len(names)} findings, {len(getattr(card, part))} {part}")
    if card.preprocessing.size not in SIDES:
        raise ValueError(f"an input of {card.preprocessing.size} pixels a side")
    _check_gate(card.gate)
    if set(card.cohorts) != COHORTS:
        raise ValueError("the cohorts are not validation and test")
    for name, cohort in card.cohorts.items():
        _check_cohort(name, cohort, len(names))
        if unmeasured := {*names, "all findings"} - set(card.metrics.get(name, {})):
            raise ValueError(f"{name} lacks numbers for {', '.join(sorted(unmeasured))}")
        if any("auroc" not in card.metrics[name][finding] for finding in names):
            raise ValueError(f"{name} lacks the AUROC of a finding")
    _check_training(card)


def _check_gate(gate: Gate) -> None:
    if not 0 < gate.warn <= gate.refuse:
        raise ValueError("the gate's limits are not 0 < warn <= refuse")
    if any(low > high for low, high in gate.ages):
        raise ValueError("a span of ages ends before it starts")


def _check_cohort(name: str, cohort: Cohort, findings: int) -> None:
    films = len(cohort.patients)
    shapes = {"labels": (films, findings), "logits": (films, findings), "distances": (films,)}
    for part, shape in shapes.items():
        if getattr(cohort, part).shape != shape:
            raise ValueError(f"the {part} of {name} are not {' x '.join(map(str, shape))}")
    for part in ("logits", "distances"):
        if not np.isfinite(getattr(cohort, part)).all():
            raise ValueError(f"the {part} of {name} are not all numbers")
    for labels in cohort.labels.T:
        if set(labels[~np.isnan(labels)]) != {0.0, 1.0}:
            raise ValueError(f"the labels of {name} are not 0 and 1, or null where undefined")


def _check_training(card: ModelCard) -> None:
    training, names = card.training, {finding.name for finding in card.findings}
    if set(training["films"]) != set(training["patients"]):
        raise ValueError("films and patients are counted by different splits")
    columns = (training["history"][key] for key in ("epoch", "train_loss", "validation_loss"))
    if len(set(map(len, columns))) > 1:
        raise ValueError("the history's columns differ in length")
    if any(set(findings) != names for findings in card.shortcuts.values()):
        raise ValueError("the shortcuts are not those of its findings")
    if unknown := set(card.shortcuts) - COHORTS:
        raise ValueError(f"the shortcuts are of {', '.join(sorted(unknown))}, no cohort of it")
    if unknown := set(card.lung_chance) - names:
        raise ValueError(f"chance in the lungs is of {', '.join(sorted(unknown))}, no finding")
    if unknown := {f for group in card.groups.values() for f in group} - names - {"all findings"}:
        raise ValueError(f"the groups hold {', '.join(sorted(unknown))}, which is no finding of it")
