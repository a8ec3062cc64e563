"""One film's result, complete: everything a file about it may be written from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from cxrapp.figures.pictures import fingerprint
from cxrapp.films.radiograph import NO_TAGS, Tags
from cxrapp.model.decision import Call, Decisions
from cxrapp.model.gate import Verdict
from cxrapp.model.lungs import Lungs

if TYPE_CHECKING:  # they bring the network along, and nothing here needs one
    from cxrapp.explain.trust import LungEvidence, MethodAgreement
    from cxrapp.model.bundle import Bundle


@dataclass(frozen=True)
class HeatMaps:
    """What speaks for each finding, and where.

    Args:
        method: How they were made, such as Grad-CAM.
        unit: What their numbers say, such as "raises the log-odds, per cell".
        scale: Heat of the brightest colour, the same for all findings of the film.
        values: (K, h, w) float32 >= 0.
        in_lungs: How much of them lies in the lungs; None where nobody looked for those.
        agreement: Of the two methods the reader compared on this film; None where it was none.
    """

    method: str
    unit: str
    scale: float
    values: np.ndarray
    in_lungs: LungEvidence | None = None
    agreement: MethodAgreement | None = None

    def first(self, count: int) -> HeatMaps:
        """The same of the first findings alone."""
        return replace(
            self,
            values=self.values[:count],
            in_lungs=self.in_lungs and self.in_lungs.first(count),
            agreement=self.agreement and self.agreement.first(count),
        )


def grad_cam_maps(
    bundle: Bundle,
    feature_map: np.ndarray,
    lungs: Lungs | None,
    agreement: MethodAgreement | None = None,
) -> HeatMaps:
    """The maps that reports show.

    Args:
        feature_map: (C, h, w) float32 of the film.
        agreement: Of the two methods the reader compared.
    """
    from cxrapp.explain import grad_cams
    from cxrapp.explain.trust import evidence_in_lungs

    maps = grad_cams(bundle, feature_map)
    in_lungs = evidence_in_lungs(maps, lungs, bundle.card) if lungs else None
    scale = float(maps.max())
    return HeatMaps("Grad-CAM", "raises the log-odds, per cell", scale, maps, in_lungs, agreement)


@dataclass(frozen=True)
class Case:
    """One film and its result, with nothing left out; see `release` for what leaves.

    Args:
        name: The file's name.
        picture: 8 bit grey at the film's own resolution.
        decisions: One a finding of the card.
        distance: From the training films, what the gate looked at.
        screened: When; without a time zone it is local time.
        overruled: A reader chose to see the result, which counts where the film was refused.
        reader_call, comment: What the reader says about the first finding, and in own words.
        lungs: None where nobody looked for them.
        prevalences: Finding -> share of the reader's patients who have it; those they gave.
        tags: As in `Radiograph`.
    """

    name: str
    picture: Image.Image
    decisions: Decisions
    verdict: Verdict
    distance: float
    screened: datetime
    heat_maps: HeatMaps | None = None
    overruled: bool = False
    reader_call: Call | None = None
    comment: str = ""
    lungs: Lungs | None = None
    prevalences: Mapping[str, float] = field(default_factory=dict)
    tags: Tags = NO_TAGS

    @property
    def withheld(self) -> bool:
        """Whether no probability and no decision may leave."""
        return self.verdict.refused and not self.overruled

    @property
    def asked(self) -> int:
        """How many findings were asked: the first of the chain."""
        return sum(decision.outcome != "not asked" for decision in self.decisions)

    @property
    def fingerprint(self) -> str:
        """What the film is called without its name: 12 hex digits of its pixels' SHA-256."""
        return fingerprint(self.picture)
