"""Many readers on one server: whose scores they see, how long they wait, what it holds."""

import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from scipy.stats import theilslopes

from tests.load.films import Films, Scores, largest_difference, only_shown
from tests.load.reader import Reader
from tests.load.server import Server, Servers

TOLERANCE = 1e-3  # between a session's score and the command line's
THINK = 1.0  # seconds a reader looks between two moves of the slider
MOVES = 10  # of the slider, a session
STORM = 50  # positions of a dragged slider
SAMPLE = 2.0  # seconds between two looks at the server's memory
PIECES = 10  # of the time that growth is taken from: two minutes each of the half hour
TIMES = {"opened": "page", "slider": "slider move", "scored": "upload to last score"}
QUIET = 0.1  # cores; a server that uses less does not work any more


@dataclass
class Traffic:
    """What many readers saw. Seconds, one entry an event."""

    sessions: int = 0
    opened: list[float] = field(default_factory=list)  # until the page stands
    slider: list[float] = field(default_factory=list)
    scored: list[float] = field(default_factory=list)  # upload to last score of a session
    differences: list[float] = field(default_factory=list)  # the largest of each session
    errors: list[str] = field(default_factory=list)
    unanswered: int = 0  # connections closed without an answer, and opened again

    @property
    def wrong(self) -> int:
        """Sessions that showed or exported another score than the command line's."""
        return sum(difference > TOLERANCE for difference in self.differences)


def thresholds() -> Iterator[float]:
    """Positions of the slider, each unlike the one before."""
    for step in itertools.count():
        yield round(0.2 + 0.01 * (step % 50), 3)


def use(reader: Reader, films: Films, expected: Scores, traffic: Traffic) -> None:
    """One reader's work: upload, tune, and read back what is shown and exported."""
    traffic.opened.append(reader.opened)
    traffic.unanswered += reader.unanswered
    traffic.scored.append(reader.screen(films))
    for threshold in itertools.islice(thresholds(), MOVES):
        reader.rest(THINK)
        traffic.slider.append(reader.tune(threshold))
    shown = reader.shown()  # no number of a finding that was not asked
    asked = {name: expected[name][: len(values)] for name, values in shown.items()}
    exported = reader.exported()
    differences = [
        largest_difference(shown, asked),
        largest_difference(exported, only_shown(expected, exported)),
    ]
    traffic.differences.append(max(differences))
    traffic.errors += reader.page.errors
    traffic.sessions += 1


def run_traffic(
    address: str, films: dict[str, Films], expected: dict[str, Scores], seconds: float
) -> Traffic:
    """All readers at once, each with its own films, one session after another.

    Every reader finishes at least one session; none begins another after `seconds`.
    """
    traffic, start = Traffic(), time.monotonic()

    def read(name: str) -> None:
        while True:
            try:
                with Reader(address) as reader:
                    use(reader, films[name], expected[name], traffic)
            except Exception as error:  # counted, and the next session goes on
                since = time.monotonic() - start
                traffic.errors.append(f"{since:.0f} s, {name}: {type(error).__name__}: {error}")
            if time.monotonic() > start + seconds:
                return

    readers = [threading.Thread(target=read, args=(name,)) for name in films]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    return traffic


@contextmanager
def watch_memory(server: Server | Servers) -> Iterator[list[tuple[float, float]]]:
    """Samples of (minutes, MB), taken in the background."""
    samples: list[tuple[float, float]] = []
    start, stop = time.monotonic(), threading.Event()

    def sample() -> None:
        while not stop.wait(SAMPLE):
            samples.append(((time.monotonic() - start) / 60, server.memory()))

    watcher = threading.Thread(target=sample)
    watcher.start()
    try:
        yield samples
    finally:
        stop.set()
        watcher.join()


def growth(samples: list[tuple[float, float]]) -> dict[str, float]:
    """MB a minute, the first third left out: Theil-Sen slope and its 95 % interval.

    Of the means of ten pieces, since what is held two seconds later is nearly the same: where
    memory follows itself for half a minute, the samples' own interval holds the slope in a quarter
    of half hours, and the pieces' in nine of ten (the tests simulate it).
    """
    pieces = np.array_split(np.array(samples[len(samples) // 3 :]), PIECES)
    minutes, memory = np.array([piece.mean(0) for piece in pieces if len(piece)]).T
    slope, _, low, high = theilslopes(memory, minutes)
    return {"slope": float(slope), "low": float(low), "high": float(high)}


def storm(reader: Reader) -> dict[str, float]:
    """What comes of a slider dragged faster than the page is drawn."""
    runs, seconds = reader.drag(list(itertools.islice(thresholds(), STORM)))
    return {"messages": STORM, "runs": runs, "seconds": seconds}


def leave_work_behind(
    server: Server | Servers, films: Films, copies: int, seconds: float
) -> dict[str, Any]:
    """A reader uploads films, each `copies` times, and closes the tab while they are scored.

    Returns:
        How many films, how many of them were scored when the tab closed, the seconds until the
        server had nothing more to do (None if it still worked after `seconds`), and the seconds
        of processor it spent till then.
    """
    many = {f"{n}-{name}": data for n in range(copies) for name, data in films.items()}
    with Reader(server.address) as reader:
        reader.upload("Drop chest films", many)
        reader.wait_until(lambda: reader.rows)
        scored = len(reader.rows)
    start, before = time.monotonic(), server.cpu_seconds()
    stopped = _wait_for_quiet(server, seconds)
    return {
        "films": len(many),
        "scored": scored,
        "stopped_after": stopped and stopped - start,
        "cpu_seconds": server.cpu_seconds() - before,
    }


def _wait_for_quiet(server: Server | Servers, seconds: float) -> float | None:
    """When the server began to be quiet, for five seconds at least."""
    end, since = time.monotonic() + seconds, time.monotonic()
    while (now := time.monotonic()) < end:
        before = server.cpu_seconds()
        time.sleep(1)
        if server.cpu_seconds() - before > QUIET:
            since = time.monotonic()
        elif now - since >= 5:
            return since
    return None


def quantiles(seconds: list[float]) -> dict[str, float]:
    """Count, median, 95th percentile and longest."""
    if not seconds:
        return {"n": 0}
    return {
        "n": len(seconds),
        "p50": float(np.quantile(seconds, 0.5)),
        "p95": float(np.quantile(seconds, 0.95)),
        "max": max(seconds),
    }


def summarise(traffic: Traffic) -> dict[str, Any]:
    """The figures of a report."""
    return asdict(traffic) | {
        **{kind: quantiles(getattr(traffic, kind)) for kind in TIMES},
        "wrong": traffic.wrong,
        "differences": max(traffic.differences, default=None),
    }
