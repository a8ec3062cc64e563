"""One film's result, complete: everything a file about it may be written from."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from PIL import Image

from cxrapp.figures.pictures import fingerprint
from cxrapp.films.radiograph import NO_TAGS, Tags
from cxrapp.model.decision import Call, Decisions
from cxrapp.model.gate import Verdict


@dataclass(frozen=True)
class HeatMaps:
    """What speaks for each finding, and where.

    Args:
        method: How they were made, such as Grad-CAM.
        unit: What their numbers say, such as "adds to the logit, per cell".
        values: (K, h, w) float32 >= 0; the findings share one scale.
    """

    method: str
    unit: str
    values: np.ndarray


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
        reader_call: What the reader says about the first finding.
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
    tags: Tags = NO_TAGS

    @property
    def withheld(self) -> bool:
        """Whether no probability and no decision may leave."""
        return self.verdict.refused and not self.overruled

    @property
    def fingerprint(self) -> str:
        """What the film is called without its name: 12 hex digits of its pixels' SHA-256."""
        return fingerprint(self.picture)
