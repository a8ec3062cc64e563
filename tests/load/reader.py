"""What one reader does on the screening page."""

import csv
import io
import time
from typing import Any

from streamlit.proto.WidgetStates_pb2 import WidgetState

from tests.load.client import Session
from tests.load.films import Films, Scores, scores_of

SLIDER = "Pneumonia threshold"


class Reader(Session):
    """A session on the page where films are screened."""

    def screen(self, films: Films, results: int | None = None) -> float:
        """Upload films and wait for all their scores: the seconds it took.

        Args:
            results: How many of them can be read, if not all.
        """
        wanted = len(self.rows) + (len(films) if results is None else results)
        start = time.monotonic()
        self.upload("Drop chest films", films)
        self.wait_until(lambda: self.idle and len(self.rows) >= wanted)
        return time.monotonic() - start

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The worklist as drawn, see cxrapp.panels.film_list."""
        return (self.page.component("cxrapp.film_list") or {"rows": []})["rows"]

    def tune(self, threshold: float) -> float:
        """Move the threshold: seconds from the message until all that hangs on it is drawn."""
        self.wait_until(lambda: self.idle)
        start = time.monotonic()
        self.slide(SLIDER, 100 * threshold)  # in per cent
        self.wait_until(lambda: self.idle and self.is_at(threshold))
        return time.monotonic() - start

    def drag(self, thresholds: list[float]) -> tuple[int, float]:
        """Send all positions of a dragged slider at once: runs that came of it, and seconds."""
        self.wait_until(lambda: self.idle)
        begun, start = self.page.runs, time.monotonic()
        for threshold in thresholds:
            self.slide(SLIDER, 100 * threshold)  # in per cent
        self.wait_until(lambda: self.idle and self.is_at(thresholds[-1]))
        spent = time.monotonic() - start
        self.rest(1)  # a queue would go on now
        return self.page.runs - begun, spent

    def is_at(self, threshold: float) -> bool:
        """Whether the list shows every answer at this threshold."""
        return all(row["findings"][0]["threshold"] == threshold for row in self._answered)

    def shown(self) -> Scores:
        """The probabilities drawn in the list; a refused film has none there."""
        return {
            row["name"]: [bar["probability"] for bar in row["findings"]] for row in self._answered
        }

    def exported(self) -> Scores:
        """The probabilities in the table of all films, with the names of the files."""
        toggle = self.page.find("checkbox", "With names, IDs and dates")
        self.set(WidgetState(id=toggle.id, bool_value=True))
        self.settle()
        table = self.download("export table").decode()
        return scores_of(csv.DictReader(io.StringIO(table)))

    @property
    def _answered(self) -> list[dict[str, Any]]:
        return [row for row in self.rows if row["findings"]]
