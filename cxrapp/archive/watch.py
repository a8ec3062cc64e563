"""Screen what comes into the archive, and put the results beside it, for as long as it runs.

The archive is the queue: a film waits while its report is not there. Nothing is kept on this side
but for speed, so this may be stopped, killed or run twice at any moment.
"""

import hashlib
import logging
import os
import random
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from cxrapp.archive.client import Archive
from cxrapp.archive.entries import ArchivedInstance, ArchivedStudy
from cxrapp.archive.reports import last_uid, result_objects
from cxrapp.errors import ArchiveAway, ArchiveFault, AuditFault, CxrError
from cxrapp.figures.pictures import film_picture
from cxrapp.films.radiograph import Radiograph, Rejection
from cxrapp.films.sandbox import read_untrusted
from cxrapp.model.bundle import Bundle
from cxrapp.model.decision import decide, default_settings
from cxrapp.model.predict import Screened, screen
from cxrapp.report.case import Case, grad_cam_maps
from cxrapp.report.release import Points
from cxrapp.runtime.audit import VARIABLE, append
from cxrapp.runtime.metrics import ARCHIVE_FILMS, ARCHIVE_SECONDS, ARCHIVE_WAITING

LONGEST_WAIT = 60.0  # seconds between two tries of an archive that is away
FIRST_PAUSE, LONGEST_PAUSE = 60.0, 3600.0  # seconds until a film that failed is tried again
APART = 16  # films among which another watcher is unlikely to have taken the same

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Waiting:
    """A film without a report, and when it was first seen, in seconds of a monotonic clock."""

    study: ArchivedStudy
    film: ArchivedInstance
    seen: float

    @property
    def mark(self) -> str:
        """What it is called in the log, which holds no number of the archive."""
        return hashlib.sha256(self.film.uid.encode()).hexdigest()[:12]


@dataclass
class Failure:
    """A film that could not be screened, and when it is due again."""

    tries: int = 0
    due: float = 0.0


@dataclass
class Watcher:
    """What one process knows of the archive; all of it is found anew after a start.

    Args:
        connect: Opens the archive.
        since: How far back studies are looked for; the archive is asked by day.
        kinds: Of `reports.KINDS`, what is sent.
    """

    connect: Callable[[], Archive]
    bundle: Bundle
    since: timedelta
    kinds: Collection[str]
    _archive: Archive | None = None
    _listed: dict[str, tuple[ArchivedStudy, list[Waiting]]] = field(default_factory=dict)
    _failed: dict[str, Failure] = field(default_factory=dict)
    _measured: Points = field(default_factory=dict)
    _apart: int = 1  # films among which the next is chosen; 1 keeps their order

    def run(self, every: float) -> None:
        """Go on until the process ends.

        Args:
            every: Seconds between two looks, also while films wait: older ones may come in.

        Raises:
            AuditFault: An answer could not be written down, so none is given.
        """
        away = 0
        while True:
            start = time.monotonic()
            try:
                waiting = self.look()
                if away:
                    log.info("the archive is back")
                away = 0
                self._drain(waiting, start + every)
            except AuditFault:
                raise
            except CxrError as error:  # nothing is lost: what waits, waits in the archive
                self._disconnect()
                pause, away = min(LONGEST_WAIT, 2.0**away), away + 1
                log.warning("waiting for the archive", extra={"reason": str(error), "s": pause})
                time.sleep(pause)
                continue
            time.sleep(max(0.0, start + every - time.monotonic()))

    def look(self) -> list[Waiting]:
        """The films without a report, the oldest request first.

        Raises:
            CxrError: The archive cannot say.
        """
        self._archive = self._archive or self.connect()
        first = (datetime.now() - self.since).date()
        studies = self._archive.find_studies(days=(first, None))
        # A study is asked about again when the number of its instances has changed.
        before, self._listed = self._listed, {}
        for study in studies:
            known, waiting = before.get(study.uid, (None, []))
            if known is None or study.count is None or known.count != study.count:
                waiting = self._ask(study, {one.film.uid: one.seen for one in waiting})
            self._listed[study.uid] = (study, waiting)
        found = [one for _, waiting in self._listed.values() for one in waiting]
        there = {one.film.uid for one in found}
        self._failed = {uid: failure for uid, failure in self._failed.items() if uid in there}
        ARCHIVE_WAITING.set(len(found))
        return found

    def _ask(self, study: ArchivedStudy, seen: dict[str, float]) -> list[Waiting]:
        instances = self._archive.list_instances(study.uid)
        there, now = {one.uid for one in instances}, time.monotonic()
        waiting = [
            Waiting(study, one, seen.get(one.uid, now))
            for one in instances
            if one.is_film and self._last(one) not in there
        ]
        ARCHIVE_FILMS.labels("seen").inc(sum(one.film.uid not in seen for one in waiting))
        return waiting

    def _last(self, film: ArchivedInstance) -> str:
        return last_uid(self.bundle.card, film.uid, self.kinds)

    def _drain(self, waiting: list[Waiting], until: float) -> None:
        now = time.monotonic()
        due = [one for one in waiting if self._failed.get(one.film.uid, Failure()).due <= now]
        while due and time.monotonic() < until:
            self.take(due.pop(random.randrange(min(self._apart, len(due)))))

    def take(self, one: Waiting) -> None:
        """Screen one film and send its results; what is wrong with it stops no other.

        Raises:
            ArchiveAway: The archive does nothing more.
            AuditFault: See `run`.
        """
        try:
            became = self._screen(one)
        except ArchiveAway as error:
            self._fail(one, str(error), blameless=True)
            raise
        except ArchiveFault as error:
            self._fail(one, str(error))
            return
        except AuditFault:
            raise
        except Exception:
            log.exception("screening failed", extra={"film": one.mark})
            self._fail(one, "Screening it failed.")
            return
        self._listed[one.study.uid][1].remove(one)
        self._failed.pop(one.film.uid, None)
        ARCHIVE_WAITING.dec()
        if became:
            seconds = time.monotonic() - one.seen
            ARCHIVE_FILMS.labels(became).inc()
            ARCHIVE_SECONDS.observe(seconds)
            log.info(
                "report sent", extra={"film": one.mark, "became": became, "s": round(seconds, 1)}
            )

    def _screen(self, one: Waiting) -> str:
        """What became of the film; empty where another watcher was faster."""
        if self._is_done(one):
            return ""
        item = _read(self._archive.fetch(one.film), one.film)
        if isinstance(item, Rejection):
            self._failed[one.film.uid] = Failure(due=float("inf"))  # another try reads no more
            raise ArchiveFault(item.reason)
        (screened,) = screen(self.bundle, [item])
        case = _case(self.bundle, screened)
        objects = result_objects(
            self.bundle.card, case, one.study.entry, self.kinds, self._measured
        )
        if self._is_done(one):
            return ""
        _write_down(self.bundle, case)
        self._archive.store(one.study.uid, objects)
        return "refused" if case.withheld else "screened"

    def _is_done(self, one: Waiting) -> bool:
        """Whether the report is there by now: then another watcher works on the same films."""
        done = self._archive.holds(one.study.uid, self._last(one.film))
        self._apart = APART if done else max(1, self._apart - 1)
        return done

    def _fail(self, one: Waiting, reason: str, *, blameless: bool = False) -> None:
        """Remember to try again.

        Args:
            blameless: It was the archive that failed, at least the first time.
        """
        failure = self._failed.setdefault(one.film.uid, Failure())
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2**failure.tries)
        if not failure.tries:
            pause = 0.0 if blameless else pause
            ARCHIVE_FILMS.labels("failed").inc(not blameless)
        failure.tries += 1
        failure.due = max(failure.due, time.monotonic() + pause)
        log.warning("no report", extra={"film": one.mark, "reason": reason, "try": failure.tries})

    def _disconnect(self) -> None:
        """The next connection reads the settings' secrets anew."""
        if self._archive:
            self._archive.close()
        self._archive = None


def _read(data: bytes, film: ArchivedInstance) -> Radiograph | Rejection:
    """The film that was asked for.

    Raises:
        ArchiveFault: It is another one.
    """
    item = next(read_untrusted("film", data))
    if isinstance(item, Radiograph) and (
        item.tags.source.sop_instance != film.uid or item.tags.study.uid != film.study
    ):
        raise ArchiveFault("The archive answered with another film than it was asked for.")
    return item


def _case(bundle: Bundle, screened: Screened) -> Case:
    """At the card's own settings."""
    film, prediction = screened.radiograph, screened.prediction
    return Case(
        film.name,
        film_picture(film.pixels),
        decide(bundle.card, prediction.probabilities, default_settings(bundle.card)),
        screened.verdict,
        prediction.distance,
        screened=datetime.now(),
        heat_maps=grad_cam_maps(bundle, prediction.feature_map, screened.lungs),
        lungs=screened.lungs,
        tags=film.tags,
    )


def _write_down(bundle: Bundle, case: Case) -> None:
    """A line in the audit file, where one is named, as the app writes them."""
    path = os.environ.get(VARIABLE)
    if not path:
        return
    entry = {
        "session": "watch",
        "reader": None,
        "bundle": bundle.card.sha256,
        "film": case.fingerprint,
        "gate": case.verdict.level,
        "overruled": False,
        "decisions": {
            one.finding: "withheld" if case.withheld else one.outcome for one in case.decisions
        },
        "scores": {one.finding: round(float(one.probability), 6) for one in case.decisions},
        "thresholds": {one.finding: round(float(one.threshold), 6) for one in case.decisions},
    }
    append(Path(path), [entry])
