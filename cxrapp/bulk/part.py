"""One part of a job: films -> rows, written whole or not at all."""

from collections.abc import Iterator

from cxrapp.bulk.files import read_file
from cxrapp.bulk.heatmaps import save_heat_maps
from cxrapp.bulk.job import Job, Part
from cxrapp.films.radiograph import Rejection
from cxrapp.films.sandbox import start_decoders
from cxrapp.model.bundle import load_bundle
from cxrapp.model.predict import screen
from cxrapp.report import film_rows, rejection_rows, table_writer
from cxrapp.runtime.files import open_whole
from cxrapp.statistics.operating_point import decide


class Screener:
    """A worker: loads the bundle once, then screens part after part.

    Raises:
        InvalidBundle: The bundle is missing, damaged or altered.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        start_decoders()  # while the bundle is loaded
        self._bundle = load_bundle(job.bundle)

    def write(self, part: Part) -> None:
        """Screen the files of a part and write its table.

        Raises:
            CxrError: The table or a heat map cannot be written.
        """
        with open_whole(self.job.path_of(part)) as file:
            writer = table_writer(file)
            for rows in self._screen(part):
                writer.writerows(rows)

    def _screen(self, part: Part) -> Iterator[list[dict[str, str]]]:
        card, thresholds = self._bundle.card, self.job.thresholds
        # Whole films pass between processes only where heat maps are laid over them.
        side = 0 if self.job.heatmaps else card.preprocessing.size
        films = (film for file in part.files for film in read_file(file, side))
        for result in screen(self._bundle, films):
            if isinstance(result, Rejection):
                yield rejection_rows(card, result, thresholds)
                continue
            if self.job.heatmaps:
                save_heat_maps(self.job.heatmaps, self._bundle, result)
            decisions = decide(card, result.prediction.probabilities, thresholds)
            yield film_rows(result.radiograph.name, decisions, result.verdict)
