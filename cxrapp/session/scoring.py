"""Work in the background: files are read and films scored by one thread for each worklist.

The thread ends when there is nothing left, or when the worklist itself is gone: while films are
read and scored it holds no more of that than a weak reference.
"""

import logging
import os
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from cxrapp.errors import CxrError
from cxrapp.films.archive_files import entry_names
from cxrapp.films.radiograph import Radiograph, Rejection
from cxrapp.films.sandbox import read_untrusted
from cxrapp.model.bundle import Bundle
from cxrapp.model.predict import BATCH, Screened, screen
from cxrapp.runtime.network_queue import NETWORK
from cxrapp.session.film import Film

NICENESS = 10  # added to that of threads that score: pages are drawn first

Upload = bytes | Callable[[], bytes]  # as it came, or what fetches it when it is due
Job = tuple[Bundle, str, Upload | Film]  # who scores it, its name, and an upload or a film

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Progress:
    """How far the work in the background is. Counts are files, those inside archives included.

    Args:
        seconds_left: None until the first is done.
        ahead: Others before it in the network queue.
    """

    done: int
    total: int
    seconds_left: float | None
    ahead: int


class Keeper(Protocol):
    """Whose films are scored, and who keeps what comes of it."""

    scoring: "Scoring"

    def keep(self, batch: int, bundle: Bundle, key: str, answer: Screened | Rejection) -> bool:
        """Take one answer; False where nobody waits for more.

        Args:
            batch: As it was when the job was taken.
            key: Of the film, empty for a new one.
        """


class Scoring:
    """What waits to be scored, and the thread that works through it.

    Args:
        lock: Held while anything of this, or of what is kept, is changed.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._jobs: deque[Job] = deque()
        self._worker: threading.Thread | None = None
        self._done = self._total = 0
        self._started = 0.0
        self._batch = 0  # to stop starts another; what is under way is then thrown away

    def start(self, keeper: Keeper, jobs: list[Job]) -> None:
        """Add jobs, and start to work where nobody does."""
        with self.lock:
            if not jobs:
                return
            if self._worker is None:
                self._done = self._total = 0
                self._started = time.monotonic()
                # The thread must not keep a worklist alive that its session has let go.
                self._worker = threading.Thread(
                    target=_work, args=(weakref.ref(keeper),), daemon=True
                )
                self._worker.start()
            self._jobs.extend(jobs)
            self._total += sum(
                len(entry_names(name, data)) if isinstance(data, bytes) else 1
                for _, name, data in jobs
            )

    @property
    def progress(self) -> Progress | None:
        """None when nothing is left to do."""
        with self.lock:
            if self._worker is None:
                return None
            spent = time.monotonic() - self._started
            left = spent / self._done * (self._total - self._done) if self._done else None
            return Progress(self._done, self._total, left, NETWORK.ahead(self._worker))

    def wait(self) -> None:
        """Until nothing is left to do."""
        while worker := self._worker:
            worker.join()

    def stop(self) -> int:
        """Give up what is left; returns how many files and films that is."""
        with self.lock:
            self._jobs.clear()
            self._batch += 1
            left = self._total - self._done if self._worker else 0
            self._total -= left
            return left

    def take(self) -> tuple[int, list[Job]]:
        """The next jobs, of one bundle, as many as make a pass of the network."""
        with self.lock:
            jobs = []
            while self._jobs and len(jobs) < BATCH and (not jobs or self._jobs[0][0] is jobs[0][0]):
                jobs.append(self._jobs.popleft())
            if not jobs:
                self._worker = None
            return self._batch, jobs

    def count(self, batch: int) -> bool:
        """One is done; False where the reader has stopped since. The lock is held."""
        if batch != self._batch:
            return False
        self._done += 1
        return True

    def is_current(self, batch: int) -> bool:
        """Whether the reader has not stopped since."""
        with self.lock:
            return batch == self._batch

    def leave(self) -> None:
        """The thread that calls this ends."""
        with self.lock:
            if self._worker is threading.current_thread():
                self._worker = None


def _work(reference: "weakref.ref[Keeper]") -> None:
    if sys.platform == "linux":  # there it is this thread's alone, and of those it starts
        os.nice(NICENESS)
    try:
        _work_through(reference)
    finally:  # whatever happened, the next upload gets another thread
        if keeper := reference():
            keeper.scoring.leave()


def _work_through(reference: "weakref.ref[Keeper]") -> None:
    while keeper := reference():
        batch, jobs = keeper.scoring.take()
        if not jobs:
            return
        del keeper  # while films are read and scored nothing here holds it
        items = _open(jobs)
        while group := list(islice(items, BATCH)):
            if not _screen_group(reference, batch, jobs[0][0], group):
                break


def _screen_group(
    reference: "weakref.ref[Keeper]",
    batch: int,
    bundle: Bundle,
    group: list[tuple[str, Radiograph | Rejection]],
) -> bool:
    """Score one pass of the network; False where nobody waits for more."""
    if not ((keeper := reference()) and keeper.scoring.is_current(batch)):
        return False
    del keeper
    keys, items = zip(*group, strict=True)
    try:
        answers = list(screen(bundle, items))
    except Exception:
        log.exception("scoring failed")
        answers = [_give_up(item) for item in items]
    keeper = reference()
    return keeper is not None and all(
        keeper.keep(batch, bundle, key, answer) for key, answer in zip(keys, answers, strict=True)
    )


def _give_up(item: Radiograph | Rejection) -> Rejection:
    if isinstance(item, Rejection):
        return item
    return Rejection(item.name, "Scoring it failed; the reason is in the program's log.")


def _open(jobs: list[Job]) -> Iterator[tuple[str, Radiograph | Rejection]]:
    """The jobs' films and rejections, each with its key, empty for new ones."""
    for _, name, data in jobs:
        if isinstance(data, Film):
            yield data.key, data.unpack()
            continue
        try:
            upload = data if isinstance(data, bytes) else data()
        except CxrError as error:
            yield "", Rejection(name, str(error))
            continue
        for item in read_untrusted(name, upload):
            yield "", item
