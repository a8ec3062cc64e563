"""The model card: all a bundle says about itself, as JSON beside the model file. No torch."""

import json
from dataclasses import asdict, field
from typing import Annotated

import numpy as np
from pydantic import Field
from pydantic.dataclasses import dataclass

from cxrapp.films.preprocess import Preprocessing
from cxrapp.model.card_schema import (
    EXACT,
    Digest,
    Fraction,
    GroupMeasures,
    LungChance,
    Measured,
    Measures,
    Name,
    Real,
    Together,
    Training,
    Whole,
)
from cxrapp.model.scores import Scores

SCHEMA = 3
BFLOAT16_PROBABILITY = 0.01  # the most that bfloat16 may move any film's


@dataclass(frozen=True, config=EXACT)
class Finding:
    """One yes-or-no question. `positive` and `negative` are the words a screen shows for it."""

    name: Name
    positive: str
    negative: str
    given: Name | None = None  # asked only where this finding is present


@dataclass(frozen=True, config=EXACT)
class Gate:
    """Which films a bundle knows; see `gate` for what is done with it.

    Distances are those of `PopulationDistance` from the training films.

    Args:
        ages: Spans of years, both ends included.
        views: As DICOM names them, such as AP.
        warn: Films further than this are unusual among those it knows.
        refuse: Films further than this are of another kind.
    """

    ages: tuple[tuple[float, float], ...]
    views: tuple[str, ...]
    warn: float
    refuse: float


@dataclass(frozen=True, config=EXACT)
class Calibration:
    """Platt scaling: probability = sigmoid(slope * logit + intercept).

    Args:
        mislabelled: Estimated shares of the absent labelled present and of the present labelled
            absent among the films it was fitted on; the probability is that of the truth.
    """

    slope: float
    intercept: float
    mislabelled: tuple[Fraction, Fraction] = (0.0, 0.0)

    def probability(self, logits: np.ndarray) -> np.ndarray:
        """Logits of any shape -> probabilities of the same shape, float64 in [0, 1]."""
        log_odds = self.slope * np.asarray(logits, np.float64) + self.intercept
        return 1 / (1 + np.exp(-log_odds))


@dataclass(frozen=True, config=EXACT)
class Cohort:
    """The films a bundle was measured on: scores, not curves, so any point can be recomputed.

    Args:
        description: Who they are, in words.
        patients: (N,) int; films of one patient share a number.
        labels: (N, K) float64: 1, 0, or NaN where the question is not defined.
        logits: (N, K) float64, uncalibrated.
        distances: (N,) float64, what the gate looks at.
    """

    description: str
    patients: Whole
    labels: Real
    logits: Real
    distances: Real

    def subset(self, chosen: np.ndarray) -> "Cohort":
        """The films marked in `chosen`, (N,) bool."""
        films = (self.patients, self.labels, self.logits, self.distances)
        return Cohort(self.description, *(part[chosen] for part in films))

    def scores(self, k: int, calibration: Calibration) -> Scores:
        """Finding k on the films where it is defined."""
        defined = ~np.isnan(self.labels[:, k])
        return Scores(
            self.labels[defined, k] == 1,
            calibration.probability(self.logits[defined, k]),
            self.patients[defined],
        )


@dataclass(frozen=True, config=EXACT)
class ModelCard:
    """Everything a bundle says about itself. Per-finding tuples follow `findings`.

    Args:
        population: Plural noun for whom it is meant, such as "children".
        operating_points: Per finding, name -> threshold on the calibrated probability; the
            first is the default.
        metrics: Cohort -> finding -> measure -> {value, low, high, n}, at the default point; and
            under `all findings` what holds for them together.
        groups: The same for parts of a cohort, such as `test, source kermany`.
        shortcuts: Cohort -> finding -> check -> {value, low, high, n}: what it knows without the
            lungs.
        training: Recipe, data, versions and history of the run, for people.
        lung_chance: Finding -> what chance puts into the lungs of a film, measured on validation
            films; empty where no lungs were found when the card was made.
    """

    name: str
    sha256: Digest
    population: str
    intended_use: str
    out_of_scope: tuple[str, ...]
    limits: tuple[str, ...]
    findings: Annotated[tuple[Finding, ...], Field(min_length=1)]
    preprocessing: Preprocessing
    gate: Gate
    calibrations: tuple[Calibration, ...]
    operating_points: tuple[Annotated[dict[str, Fraction], Field(min_length=1)], ...]
    cohorts: dict[str, Cohort]
    metrics: dict[str, dict[str, Measures | Together]]
    groups: dict[str, dict[str, GroupMeasures | Together]]
    shortcuts: dict[str, dict[str, dict[str, Measured]]]
    training: Training
    lung_chance: dict[str, LungChance] = field(default_factory=dict)

    @property
    def is_int8(self) -> bool:
        """Whether what runs is the backbone in eight bits."""
        return self.training["weights"]["stored as"] == "int8"

    @property
    def allows_bfloat16(self) -> bool:
        """Whether it was measured to answer in bfloat16 as it does in float32, and faster.

        By the card and not on each machine: not every network gains, and a clock would decide
        otherwise from one start to the next.
        """
        parity = self.training["weights"].get("bfloat16")
        return (
            parity is not None
            and parity["probability"] <= BFLOAT16_PROBABILITY
            and parity["decisions"] == 0
            and (parity["time"] or 1) < 1
        )

    def index(self, finding: str) -> int:
        """Column of a finding."""
        return [f.name for f in self.findings].index(finding)

    def default_thresholds(self) -> dict[str, float]:
        """Finding -> threshold of its first operating point."""
        points = zip(self.findings, self.operating_points, strict=True)
        return {finding.name: next(iter(named.values())) for finding, named in points}

    def scores(self, cohort: str, finding: str) -> Scores:
        """The cohort's films on which the finding is defined."""
        k = self.index(finding)
        return self.cohorts[cohort].scores(k, self.calibrations[k])

    def describe(self, cohort: str, finding: str) -> str:
        """The cohort's films on which the finding is defined, and who they are."""
        whole, scores = self.cohorts[cohort], self.scores(cohort, finding)
        films, patients = len(scores.labels), len(np.unique(scores.patients))
        if films == len(whole.labels):
            return whole.description
        return f"{films:,} films of {patients:,} patients, out of {whole.description}"

    def to_json(self) -> str:
        """The card as strict JSON: NaN becomes null, arrays become lists."""
        values = {"schema": SCHEMA, **asdict(self)}
        for cohort in values["cohorts"].values():
            for key in ("patients", "labels", "logits", "distances"):
                cohort[key] = np.where(np.isnan(cohort[key]), None, cohort[key]).tolist()
        return json.dumps(values, allow_nan=False, separators=(",", ":")) + "\n"
