"""Screen what comes into the archive, and put the results beside it, for as long as it runs.

The archive is the queue: a film waits while its report is not there. Nothing is kept on this side
but for speed, so this may be stopped, killed or run twice at any moment.
"""

import hashlib
import logging
import math
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
SHARE = 10  # a look at many studies takes no more than a tenth of the time
APART = 16  # films among which another watcher is unlikely to have taken the same

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Waiting:
    """A film without a report, and when its study was first seen, in s of a monotonic clock."""

    study: ArchivedStudy
    film: ArchivedInstance
    seen: float

    @property
    def digest(self) -> str:
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
    _done: dict[str, int] = field(default_factory=dict)  # study -> how many instances it had then
    _seen: dict[str, float] = field(default_factory=dict)  # study -> since when it is not done
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
                studies = self.look()
                if away:
                    log.info("the archive is back")
                away = 0
                looked = time.monotonic() - start
                self._drain(studies, until=start + max(every, SHARE * looked))
            except AuditFault:
                raise
            except CxrError as error:  # nothing is lost: what waits, waits in the archive
                self._disconnect()
                pause, away = min(LONGEST_WAIT, 2.0**away), away + 1
                log.warning("waiting for the archive", extra={"reason": str(error), "s": pause})
                time.sleep(pause)
                continue
            time.sleep(max(0.0, start + every - time.monotonic()))

    def look(self) -> list[ArchivedStudy]:
        """The studies that are not known to be done, the oldest request first.

        Those with a report of whomever come after the others, as most of them are done: a watcher
        that has just been started gets to the films that wait without asking about all of them.

        Raises:
            CxrError: The archive cannot say.
        """
        self._archive = self._archive or self.connect()
        first = (datetime.now() - self.since).date()
        studies = self._archive.find_studies(days=(first, None))
        there, now = {study.uid for study in studies}, time.monotonic()
        self._done = {uid: count for uid, count in self._done.items() if uid in there}
        left = [one for one in studies if one.count is None or self._done.get(one.uid) != one.count]
        self._seen = {study.uid: self._seen.get(study.uid, now) for study in left}
        ARCHIVE_WAITING.set(len(left))
        return sorted(left, key=lambda study: "SR" in study.modalities)  # and else as they were

    def wait_list(self, study: ArchivedStudy) -> list[Waiting]:
        """The films of a study that have no report."""
        instances = self._archive.list_instances(study.uid)
        there = {one.uid for one in instances}
        waiting = [
            Waiting(study, one, self._seen[study.uid])
            for one in instances
            if one.is_film and self._last(one) not in there
        ]
        if study.count is not None and all(self._due(one) == math.inf for one in waiting):
            self._done[study.uid] = study.count
        return waiting

    def _last(self, film: ArchivedInstance) -> str:
        return last_uid(self.bundle.card, film.uid, self.kinds)

    def _due(self, one: Waiting) -> float:
        failure = self._failed.get(one.film.uid)
        return failure.due if failure else 0.0

    def _drain(self, studies: list[ArchivedStudy], until: float) -> None:
        while studies and time.monotonic() < until:
            study = studies.pop(random.randrange(min(self._apart, len(studies))))
            try:
                waiting = self.wait_list(study)
            except ArchiveAway:
                raise
            except ArchiveFault as error:  # of this study; it is asked about again
                log.warning("study not listed", extra={"reason": str(error)})
                continue
            due = [one for one in waiting if self._due(one) <= time.monotonic()]
            while due and time.monotonic() < until:
                self.take(due.pop(random.randrange(min(self._apart, len(due)))))
            ARCHIVE_WAITING.dec(not due)

    def take(self, one: Waiting) -> None:
        """Screen one film and send its results; what is wrong with it stops no other.

        Raises:
            ArchiveAway: The archive does nothing more.
            AuditFault: See `run`.
        """
        ARCHIVE_FILMS.labels("seen").inc(one.film.uid not in self._failed)
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
            log.exception("screening failed", extra={"film": one.digest})
            self._fail(one, "Screening it failed.")
            return
        self._failed.pop(one.film.uid, None)
        if became:
            seconds = time.monotonic() - one.seen
            ARCHIVE_FILMS.labels(became).inc()
            ARCHIVE_SECONDS.observe(seconds)
            log.info(
                "report sent", extra={"film": one.digest, "became": became, "s": round(seconds, 1)}
            )

    def _screen(self, one: Waiting) -> str:
        """What became of the film; empty where another watcher was faster."""
        if self._is_done(one):
            return ""
        item = _read(self._archive.fetch(one.film), one.film)
        if isinstance(item, Rejection):
            self._failed[one.film.uid] = Failure(due=math.inf)  # another try reads no more
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
        log.warning("no report", extra={"film": one.digest, "reason": reason, "try": failure.tries})

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
