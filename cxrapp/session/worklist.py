"""The films of one reader, and what bundles say about them: in memory and nowhere else."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass

from cxrapp.films.names import is_clutter
from cxrapp.films.radiograph import Rejection
from cxrapp.model.bundle import Bundle
from cxrapp.model.gate import Verdict
from cxrapp.model.lungs import Lungs
from cxrapp.model.predict import Prediction, Screened
from cxrapp.runtime.metrics import FILES_REJECTED, FILMS
from cxrapp.session.film import Film, pack, to_film
from cxrapp.session.quota import Room
from cxrapp.session.scoring import Progress, Scoring, Upload

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Result:
    """What one bundle says about one film."""

    prediction: Prediction
    verdict: Verdict
    lungs: Lungs | None = None


class Worklist:
    """Films, what bundles say about them, and the work still to do.

    Results appear as they are ready.
    """

    def __init__(self) -> None:
        self.films: dict[str, Film] = {}
        self.rejections: list[Rejection] = []
        self.given_up = 0  # files and films that waited when the reader stopped
        self.scoring = Scoring()
        self._room = Room()
        self._results: dict[tuple[str, str], Result] = {}  # (film, SHA-256 of the bundle)
        self._asked: set[tuple[str, str]] = set()
        self._numbered = 0

    def add(self, bundle: Bundle, uploads: Iterable[tuple[str, Upload]]) -> None:
        """Read uploads, (name, bytes) each, and score their films by the bundle."""
        films = [(bundle, name, data) for name, data in uploads if not is_clutter(name)]
        self.scoring.start(self, films)

    def request(self, bundle: Bundle, *, again: bool = False) -> None:
        """Score the films that this bundle has not been asked about.

        Args:
            again: Ask about those as well whose answer the reader did not wait for.
        """
        sha256 = bundle.card.sha256
        films = [
            film
            for film in list(self.films.values())
            if (film.key, sha256) not in self._results
            and (again or (film.key, sha256) not in self._asked)
        ]
        self._asked |= {(film.key, sha256) for film in films}
        self.scoring.start(self, [(bundle, film.name, film) for film in films])

    def result(self, film: Film, bundle: Bundle) -> Result | None:
        """What the bundle says about the film, None as long as it waits."""
        return self._results.get((film.key, bundle.card.sha256))

    def scored(self, bundle: Bundle) -> list[Film]:
        """The films that the bundle has answered for, in the order of arrival."""
        return [film for film in list(self.films.values()) if self.result(film, bundle)]

    @property
    def is_empty(self) -> bool:
        """Whether nothing was ever given to it, or all of that is forgotten."""
        return self.progress is None and not (self.films or self.rejections)

    @property
    def progress(self) -> Progress | None:
        """None when nothing is left to do."""
        return self.scoring.progress

    def wait(self) -> None:
        """Until nothing is left to do."""
        self.scoring.wait()

    def stop(self) -> None:
        """Give up what is left; films already scored stay."""
        self.given_up += self.scoring.stop()

    def clear(self) -> None:
        """Forget everything."""
        self.stop()
        with self.scoring.lock:
            self.films, self.rejections, self._results = {}, [], {}
            self._room.clear()
            self._asked.clear()
            self.given_up = 0

    def remove(self, film: Film) -> None:
        """Forget one film and what was said about it."""
        with self.scoring.lock:
            if self.films.pop(film.key, None):
                self._room.give_back(len(film.packed))
            for key in [key for key in self._results if key[0] == film.key]:
                del self._results[key]

    def reject(self, rejection: Rejection) -> None:
        """Note a file that cannot be used."""
        FILES_REJECTED.inc()
        log.info("file rejected")
        self.rejections.append(rejection)

    def keep(self, batch: int, bundle: Bundle, key: str, answer: Screened | Rejection) -> bool:
        """Store one answer; False where the reader has stopped."""
        packed = None
        if isinstance(answer, Screened) and not key:
            packed = pack(answer.radiograph)
        with self.scoring.lock:
            if not self.scoring.count(batch):
                return False
            if isinstance(answer, Rejection):
                self.reject(answer)
                return True
            if key and key not in self.films:  # removed while another bundle looked at it
                return True
            if packed:
                if reason := self._room.lack(len(packed)):
                    self.rejections.append(Rejection(answer.radiograph.name, reason))
                    return True
                key = str(self._numbered)
                self._numbered += 1
                self._room.take(len(packed))
                self.films[key] = to_film(key, answer.radiograph, packed)
            result = Result(answer.prediction, answer.verdict, answer.lungs)
            self._results[key, bundle.card.sha256] = result
            FILMS.labels(result.verdict.level).inc()
            log.info(
                "film screened", extra={"gate": result.verdict.level, "bundle": bundle.card.sha256}
            )
            return True
