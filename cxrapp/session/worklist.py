"""The films of one reader: read and scored in the background, held in memory and nowhere else."""

import base64
import io
import logging
import os
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
from PIL import Image

from cxrapp.figures.pictures import film_picture, mark_of
from cxrapp.films.archive_files import count_entries
from cxrapp.films.limits import MAX_FILMS, MAX_SERVER_BYTES, MAX_SESSION_BYTES
from cxrapp.films.radiograph import Radiograph, Rejection
from cxrapp.films.sandbox import read_untrusted
from cxrapp.model.bundle import Bundle
from cxrapp.model.gate import Verdict
from cxrapp.model.predict import BATCH, Prediction, Screened, screen
from cxrapp.runtime.metrics import FILES_REJECTED, FILMS, WORKLISTS
from cxrapp.runtime.network_queue import NETWORK

THUMBNAIL = 96  # pixels of the long side
NICENESS = 10  # added to that of threads that score: pages are drawn first

log = logging.getLogger(__name__)

_all: "weakref.WeakSet[Worklist]" = weakref.WeakSet()
_all_lock = threading.Lock()
WORKLISTS.set_function(lambda: len(_all))


@dataclass(frozen=True)
class Film:
    """A film as it waits on the worklist.

    Args:
        key: Its number, in the order of arrival.
        packed: Its pixels as a PNG, without loss, so that it scores as the upload did.
        thumbnail: A small JPEG as a data URL.
        mark: What it is called without its name: 12 hex digits of its pixels' SHA-256.
        tags: What its file says about it; the pixels are taken out.
    """

    key: str
    packed: bytes
    thumbnail: str
    mark: str
    tags: Radiograph

    @property
    def name(self) -> str:
        """As uploaded."""
        return self.tags.name

    def unpack(self) -> Radiograph:
        """The film as it was read."""
        return replace(self.tags, pixels=_unpack(self.packed))


@dataclass(frozen=True)
class Result:
    """What one bundle says about one film."""

    prediction: Prediction
    verdict: Verdict


@dataclass(frozen=True)
class Progress:
    """How far the work in the background is. Counts are files, those inside archives included.

    Args:
        seconds_left: None until the first is done.
        ahead: Others whose turn comes before.
    """

    done: int
    total: int
    seconds_left: float | None
    ahead: int


class Worklist:
    """Films, what bundles say about them, and the work still to do.

    One thread works through what was added, and ends when there is nothing left or when the
    worklist itself is gone. Results appear as they are ready.
    """

    def __init__(self) -> None:
        with _all_lock:
            _all.add(self)
        self.films: dict[str, Film] = {}
        self.rejections: list[Rejection] = []
        self._results: dict[tuple[str, str], Result] = {}  # (film, SHA-256 of the bundle)
        self._asked: set[tuple[str, str]] = set()
        self._jobs: deque[tuple[Bundle, str, bytes | Film]] = deque()
        self._lock = threading.Lock()
        self._worker: threading.Thread | None = None
        self._numbered = self._done = self._total = self._bytes = 0
        self._started = 0.0
        self.given_up = 0  # files and films that waited when the reader stopped
        self._batch = 0  # stop and clear begin another; what is under way is then thrown away

    def add(self, bundle: Bundle, uploads: Iterable[tuple[str, bytes]]) -> None:
        """Read uploads, (name, bytes) each, and score their films by the bundle."""
        self._start([(bundle, name, data) for name, data in uploads])

    def request(self, bundle: Bundle, *, again: bool = False) -> None:
        """Score the films that this bundle has not been asked about.

        Args:
            again: Ask about those as well whose answer the reader did not wait for.
        """
        sha256 = bundle.card.sha256
        self._start(
            [
                (bundle, film.name, film)
                for film in list(self.films.values())
                if (film.key, sha256) not in self._results
                and (again or (film.key, sha256) not in self._asked)
            ]
        )

    def result(self, film: Film, bundle: Bundle) -> Result | None:
        """What the bundle says about the film, None as long as it waits."""
        return self._results.get((film.key, bundle.card.sha256))

    def scored(self, bundle: Bundle) -> list[Film]:
        """The films that the bundle has answered for, in the order of arrival."""
        return [film for film in list(self.films.values()) if self.result(film, bundle)]

    @property
    def progress(self) -> Progress | None:
        """None when nothing is left to do."""
        with self._lock:
            if self._worker is None:
                return None
            spent = time.monotonic() - self._started
            left = spent / self._done * (self._total - self._done) if self._done else None
            return Progress(self._done, self._total, left, NETWORK.ahead(self._worker))

    def wait(self) -> None:
        """Until nothing is left to do."""
        while worker := self._worker:
            worker.join()

    def stop(self) -> None:
        """Give up what is left; films already scored stay."""
        with self._lock:
            self._jobs.clear()
            self._batch += 1
            if self._worker:
                self.given_up += self._total - self._done
                self._total = self._done

    def clear(self) -> None:
        """Forget everything."""
        self.stop()
        with self._lock:
            self.films, self.rejections, self._results, self._bytes = {}, [], {}, 0
            self._asked.clear()
            self.given_up = 0

    def _start(self, jobs: list[tuple[Bundle, str, bytes | Film]]) -> None:
        with self._lock:
            if not jobs:
                return
            if self._worker is None:
                self._done = self._total = 0
                self._started = time.monotonic()
                # The thread must not keep a worklist alive that its session has let go.
                self._worker = threading.Thread(
                    target=_work, args=(weakref.ref(self),), daemon=True
                )
                self._worker.start()
            self._jobs.extend(jobs)
            self._asked |= {
                (film.key, bundle.card.sha256) for bundle, _, film in jobs if isinstance(film, Film)
            }
            self._total += sum(
                count_entries(data) if isinstance(data, bytes) else 1 for _, _, data in jobs
            )

    def _take(self) -> tuple[int, list[tuple[Bundle, str, bytes | Film]]]:
        """The next jobs, of one bundle, as many as make a pass of the network."""
        with self._lock:
            jobs = []
            while self._jobs and len(jobs) < BATCH and (not jobs or self._jobs[0][0] is jobs[0][0]):
                jobs.append(self._jobs.popleft())
            if not jobs:
                self._worker = None
            return self._batch, jobs

    def _leave(self) -> None:
        with self._lock:
            if self._worker is threading.current_thread():
                self._worker = None

    def _lack_of_room(self, count: int) -> str:
        """Why so many bytes more cannot be held; empty where they can."""
        if len(self.films) >= MAX_FILMS or self._bytes + count > MAX_SESSION_BYTES:
            return f"One session holds {MAX_FILMS} films or {MAX_SESSION_BYTES // 2**30} GB."
        with _all_lock:
            held = sum(worklist._bytes for worklist in _all)
        if held + count > MAX_SERVER_BYTES:
            return "The server's room for films is taken by other readers; try again later."
        return ""

    def _is_current(self, batch: int) -> bool:
        with self._lock:
            return batch == self._batch

    def _keep(self, batch: int, bundle: Bundle, key: str, outcome: Screened | Rejection) -> bool:
        """Store one outcome; False where the reader has stopped or there is no more room."""
        packed = b""
        if isinstance(outcome, Screened) and key not in self.films:
            packed = _pack(outcome.radiograph.pixels)
        with self._lock:
            if batch != self._batch:
                return False
            self._done += 1
            if isinstance(outcome, Rejection):
                FILES_REJECTED.inc()
                log.info("file rejected")
                self.rejections.append(outcome)
                return True
            if packed:
                if reason := self._lack_of_room(len(packed)):
                    self.rejections.append(Rejection(outcome.radiograph.name, reason))
                    return True
                key = str(self._numbered)
                self._numbered += 1
                self._bytes += len(packed)
                self.films[key] = _to_film(key, outcome.radiograph, packed)
            result = Result(outcome.prediction, outcome.verdict)
            self._results[key, bundle.card.sha256] = result
            FILMS.labels(result.verdict.outcome).inc()
            log.info(
                "film screened",
                extra={"gate": result.verdict.outcome, "bundle": bundle.card.sha256},
            )
            return True


def _work(reference: "weakref.ref[Worklist]") -> None:
    if sys.platform == "linux":  # there it is this thread's alone, and of those it starts
        os.nice(NICENESS)
    try:
        _work_through(reference)
    finally:  # whatever happened, the next upload gets another thread
        if worklist := reference():
            worklist._leave()


def _work_through(reference: "weakref.ref[Worklist]") -> None:
    while worklist := reference():
        batch, jobs = worklist._take()
        if not jobs:
            return
        del worklist  # while films are read and scored nothing here holds it
        items = _open(jobs)
        while group := list(islice(items, BATCH)):
            if not _screen_group(reference, batch, jobs[0][0], group):
                break


def _screen_group(
    reference: "weakref.ref[Worklist]",
    batch: int,
    bundle: Bundle,
    group: list[tuple[str, Radiograph | Rejection]],
) -> bool:
    """Score one pass of the network; False where nobody waits for more."""
    if not ((worklist := reference()) and worklist._is_current(batch)):
        return False
    del worklist
    keys, items = zip(*group, strict=True)
    try:
        outcomes = list(screen(bundle, items))
    except Exception:
        log.exception("scoring failed")
        outcomes = [_give_up(item) for item in items]
    worklist = reference()
    return worklist is not None and all(
        worklist._keep(batch, bundle, key, outcome)
        for key, outcome in zip(keys, outcomes, strict=True)
    )


def _give_up(item: Radiograph | Rejection) -> Rejection:
    if isinstance(item, Rejection):
        return item
    return Rejection(item.name, "Scoring it failed; the reason is in the program's log.")


def _open(
    jobs: list[tuple[Bundle, str, bytes | Film]],
) -> Iterator[tuple[str, Radiograph | Rejection]]:
    """The jobs' films and rejections, each with its key, empty for new ones."""
    for _, name, data in jobs:
        if isinstance(data, Film):
            yield data.key, data.unpack()
        else:
            for item in read_untrusted(name, data):
                yield "", item


def _pack(pixels: np.ndarray) -> bytes:
    """(H, W) float32 in [0, 1] -> PNG of 8 bits where they hold it, else of 16."""
    steps = pixels * 255
    if np.abs(steps - np.rint(steps)).max() < 1e-3:
        image = film_picture(pixels)
    else:
        image = Image.fromarray(np.rint(pixels * 65535).astype(np.uint16))
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def _unpack(packed: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(packed)) as image:
        deep = image.mode.startswith("I")
        return np.asarray(image, np.float32) / np.float32(65535 if deep else 255)


def _to_film(key: str, radiograph: Radiograph, packed: bytes) -> Film:
    picture = film_picture(_unpack(packed))
    mark = mark_of(picture)
    picture.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=80)
    url = "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
    return Film(key, packed, url, mark, replace(radiograph, pixels=np.empty((0, 0), np.float32)))
