"""Blinded first reads: what a reader called a film before and after seeing the model's decision."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from statistics import median

import numpy as np

from cxrapp.model.decision import Call, Outcome
from cxrapp.statistics.bootstrap import Rate, drawn_rate, number_patients, resamples, share_rate

MIN_PATIENTS = 10  # fewer carry no kappa
PLACES = {"negative": 0, "unsure": 1, "undecided": 1, "positive": 2}  # from one answer to the other


@dataclass(frozen=True)
class Read:
    """One film read twice, for one finding.

    Args:
        film: Its name.
        patient: Any name for whose film it is; for intervals, and never written.
        first_call: Before the model's decision was shown.
        first_seconds: From the film's being shown to the first call.
        final_call: With the model's decision in sight.
        final_seconds: From the first call to the final one.
        model_decision: What was shown.
    """

    film: str
    patient: str = field(repr=False)
    first_call: Call
    first_seconds: float
    final_call: Call
    final_seconds: float
    model_decision: Outcome


COLUMNS = tuple(part.name for part in fields(Read) if part.name != "patient")


@dataclass(frozen=True)
class Agreement:
    """How often a reader says what the model says; `unsure` and `undecided` are one answer.

    Args:
        share: Of the films.
        kappa: Cohen's, "A coefficient of agreement for nominal scales" (1960): the share beyond
            what chance would give. None for fewer than `MIN_PATIENTS` patients, or where both
            gave all films one answer.
    """

    share: Rate
    kappa: Rate | None


@dataclass(frozen=True)
class ReadsSummary:
    """What a reader did with the model. What the reads cannot tell is None.

    Args:
        films: Read.
        asked: Of these, films on which the model was asked; agreement and changes are of these.
        before, after: Agreement of the first and of the final call with the model's decision.
        changed: Films whose final call is not the first.
        towards, away: Of these, calls that came nearer to the model's decision or went further
            from it, `unsure` lying between positive and negative.
        first_seconds, final_seconds: Medians.
    """

    films: int
    asked: int
    before: Agreement | None
    after: Agreement | None
    changed: int
    towards: int
    away: int
    first_seconds: float | None
    final_seconds: float | None


def summarise_reads(reads: Sequence[Read]) -> ReadsSummary:
    """Sum up the reads of one reader and finding, one a film."""
    shown = [read for read in reads if read.model_decision != "not asked"]
    patients = np.array([read.patient for read in shown])
    first, final, model = _places(shown)
    nearer = np.abs(first - model) - np.abs(final - model)
    return ReadsSummary(
        films=len(reads),
        asked=len(shown),
        before=_agree(first, model, patients) if shown else None,
        after=_agree(final, model, patients) if shown else None,
        changed=int((first != final).sum()),
        towards=int((nearer > 0).sum()),
        away=int((nearer < 0).sum()),
        first_seconds=median([read.first_seconds for read in reads]) if reads else None,
        final_seconds=median([read.final_seconds for read in reads]) if reads else None,
    )


def rows(reads: Iterable[Read]) -> list[dict[str, str | float]]:
    """One row a film for a table with `COLUMNS`, seconds to a tenth. Names are as uploaded."""
    return [
        {
            **{name: getattr(read, name) for name in COLUMNS},
            "first_seconds": round(read.first_seconds, 1),
            "final_seconds": round(read.final_seconds, 1),
        }
        for read in reads
    ]


def _places(reads: Sequence[Read]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(N,) int each: first call, final call and model's decision as `PLACES`."""
    answers = [(read.first_call, read.final_call, read.model_decision) for read in reads]
    places = [[PLACES[answer] for answer in three] for three in answers]
    first, final, model = np.array(places, int).reshape(-1, 3).T
    return first, final, model


def _agree(calls: np.ndarray, model: np.ndarray, patients: np.ndarray) -> Agreement:
    return Agreement(share_rate(calls == model, patients), _kappa(calls, model, patients))


def _kappa(calls: np.ndarray, model: np.ndarray, patients: np.ndarray) -> Rate | None:
    from sklearn.metrics import cohen_kappa_score

    index = number_patients(patients)
    if index.max() + 1 < MIN_PATIENTS or len({*calls.tolist(), *model.tolist()}) == 1:
        return None
    value = float(cohen_kappa_score(calls, model))
    if (calls == model).all():
        # No resample shows a disagreement that never happened; the share's exact interval does.
        chance = float(((np.bincount(calls) / len(calls)) ** 2).sum())
        low = (share_rate(calls == model, patients).low - chance) / (1 - chance)
        return Rate(value, low, 1.0, len(calls))
    cells = np.zeros((index.max() + 1, 3, 3))  # patient, call, model's decision
    np.add.at(cells, (index, calls, model), 1)
    drawn = resamples(len(cells)) @ cells.reshape(-1, 9)
    shares = (drawn / drawn.sum(1, keepdims=True)).reshape(-1, 3, 3)
    agreed = np.trace(shares, axis1=1, axis2=2)
    chance = (shares.sum(1) * shares.sum(2)).sum(1)
    defined = chance < 1  # chance alone agrees fully where all drawn films have one answer
    kappas = (agreed - chance)[defined] / (1 - chance)[defined]
    return drawn_rate(value, kappas, len(calls))
