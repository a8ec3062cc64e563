"""One film's result, complete: everything a file about it may be written from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
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
    from cxrapp.explain.trust import LungEvidence
    from cxrapp.model.bundle import Bundle


@dataclass(frozen=True)
class HeatMaps:
    """What speaks for each finding, and where.

    Args:
        method: How they were made, such as Grad-CAM.
        unit: What their numbers say, such as "raises the log-odds, per cell".
        values: (K, h, w) float32 >= 0; the findings share one scale.
        in_lungs: How much of them lies in the lungs; None where nobody looked for those.
    """

    method: str
    unit: str
    values: np.ndarray
    in_lungs: LungEvidence | None = None


def grad_cam_maps(bundle: Bundle, feature_map: np.ndarray, lungs: Lungs | None) -> HeatMaps:
    """The maps that reports show.

    Args:
        feature_map: (C, h, w) float32 of the film.
    """
    from cxrapp.explain import grad_cams
    from cxrapp.explain.trust import evidence_in_lungs

    maps = grad_cams(bundle, feature_map)
    in_lungs = evidence_in_lungs(maps, lungs, bundle.card) if lungs else None
    return HeatMaps("Grad-CAM", "raises the log-odds, per cell", maps, in_lungs)


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
    def fingerprint(self) -> str:
        """What the film is called without its name: 12 hex digits of its pixels' SHA-256."""
        return fingerprint(self.picture)
