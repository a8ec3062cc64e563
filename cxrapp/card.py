"""The model card: all a bundle says about itself, as JSON beside the model file. No torch."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cxrapp.errors import InvalidBundle
from cxrapp.preprocess import Preprocessing

SCHEMA = 1


@dataclass(frozen=True)
class Finding:
    """One yes-or-no question. `positive` and `negative` are the words a screen shows for it."""

    name: str
    positive: str
    negative: str
    given: str | None = None  # asked only where this finding is present


@dataclass(frozen=True)
class Calibration:
    """Platt scaling: probability = sigmoid(slope * logit + intercept)."""

    slope: float
    intercept: float

    def probability(self, logits: np.ndarray) -> np.ndarray:
        """Logits of any shape -> probabilities of the same shape, float64 in [0, 1]."""
        return 1 / (1 + np.exp(-(self.slope * np.asarray(logits, np.float64) + self.intercept)))


@dataclass(frozen=True)
class Cohort:
    """The films a bundle was measured on: scores, not curves, so any point can be recomputed.

    Args:
        description: Who they are, in words.
        patients: (N,) int; films of one patient share a number.
        labels: (N, K) float64: 1, 0, or NaN where the question is not defined.
        logits: (N, K) float64, uncalibrated.
    """

    description: str
    patients: np.ndarray
    labels: np.ndarray
    logits: np.ndarray


@dataclass(frozen=True)
class Scores:
    """One finding in one cohort, films without a label left out.

    Args:
        labels: (N,) bool.
        probabilities: (N,) float64, calibrated.
        patients: (N,) int.
    """

    labels: np.ndarray
    probabilities: np.ndarray
    patients: np.ndarray


@dataclass(frozen=True)
class ModelCard:
    """Everything a bundle says about itself. Per-finding tuples follow `findings`.

    Args:
        population: Plural noun for whom it is meant, such as "children".
        operating_points: Per finding, name -> threshold on the calibrated probability; the
            first is the default.
        metrics: Cohort -> finding -> measure -> {value, low, high, n}, at the default point.
        training: Recipe, data, versions and history of the run, for people.
    """

    name: str
    sha256: str
    population: str
    intended_use: str
    out_of_scope: tuple[str, ...]
    limits: tuple[str, ...]
    findings: tuple[Finding, ...]
    preprocessing: Preprocessing
    calibrations: tuple[Calibration, ...]
    operating_points: tuple[dict[str, float], ...]
    cohorts: dict[str, Cohort]
    metrics: dict[str, Any]
    training: dict[str, Any]

    def index(self, finding: str) -> int:
        """Column of a finding."""
        return [f.name for f in self.findings].index(finding)

    def default_thresholds(self) -> dict[str, float]:
        """Finding -> threshold of its first operating point."""
        points = zip(self.findings, self.operating_points, strict=True)
        return {finding.name: next(iter(named.values())) for finding, named in points}

    def scores(self, cohort: str, finding: str) -> Scores:
        """The cohort's films on which the finding is defined."""
        k, films = self.index(finding), self.cohorts[cohort]
        defined = ~np.isnan(films.labels[:, k])
        return Scores(
            films.labels[defined, k] == 1,
            self.calibrations[k].probability(films.logits[defined, k]),
            films.patients[defined],
        )

    def to_json(self) -> str:
        """The card as strict JSON: NaN becomes null, arrays become lists."""
        values = {"schema": SCHEMA, **asdict(self)}
        for cohort in values["cohorts"].values():
            for key in ("patients", "labels", "logits"):
                cohort[key] = np.where(np.isnan(cohort[key]), None, cohort[key]).tolist()
        return json.dumps(values, allow_nan=False, separators=(",", ":")) + "\n"


def load_card(path: Path) -> ModelCard:
    """Read a model card.

    Args:
        path: The bundle's .pt or .json.

    Raises:
        InvalidBundle: The card is missing, damaged or of another format.
    """
    path = path.with_suffix(".json")
    try:
        values = json.loads(path.read_text())
        schema = values.pop("schema")
    except FileNotFoundError:
        raise InvalidBundle(f"{path.name}: the model card is missing.") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidBundle(f"{path.name}: the model card is damaged ({error}).") from error
    if schema != SCHEMA:
        raise InvalidBundle(
            f"{path.name}: the model card has format {schema}; this program reads {SCHEMA}."
        )
    try:
        return _card_from(values)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise InvalidBundle(f"{path.name}: the model card does not fit ({error}).") from error


def _card_from(values: dict[str, Any]) -> ModelCard:
    return ModelCard(
        **{
            **values,
            "out_of_scope": tuple(values["out_of_scope"]),
            "limits": tuple(values["limits"]),
            "findings": tuple(Finding(**finding) for finding in values["findings"]),
            "preprocessing": Preprocessing(**values["preprocessing"]),
            "calibrations": tuple(Calibration(**pair) for pair in values["calibrations"]),
            "operating_points": tuple(values["operating_points"]),
            "cohorts": {
                name: Cohort(
                    cohort["description"],
                    np.array(cohort["patients"], int),
                    np.array(cohort["labels"], float),  # null becomes NaN
                    np.array(cohort["logits"], float),
                )
                for name, cohort in values["cohorts"].items()
            },
        }
    )
