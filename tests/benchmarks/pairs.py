"""Two ways to do the same, timed in turn: a ratio holds where seconds drift with the machine."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

Pairs = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Comparison:
    """What came of one benchmark.

    Args:
        what: Was measured.
        against: What it is held to.
        pairs: Seconds (or MiB) of ours and of theirs, round by round.
        target: The highest ratio of ours to theirs that is wanted.
        unit: Of the pairs.
    """

    what: str
    against: str
    pairs: Pairs
    target: float
    unit: str = "s"

    @property
    def ours(self) -> float:
        """Median of ours, which hangs on the machine."""
        return statistics.median(ours for ours, _ in self.pairs)

    @property
    def ratio(self) -> float:
        """Median over the rounds."""
        return statistics.median(self.ratios)

    @property
    def spread(self) -> tuple[float, float]:
        """The lowest and the highest of the rounds."""
        return min(self.ratios), max(self.ratios)

    @property
    def ratios(self) -> list[float]:
        """Ours by theirs, round by round."""
        return [ours / theirs for ours, theirs in self.pairs]

    @property
    def is_met(self) -> bool:
        """Whether the target is."""
        return self.ratio <= self.target


def time_in_turn(
    ours: Callable[[], object], theirs: Callable[[], object], rounds: int, warm_up: int = 2
) -> Pairs:
    """Seconds of both, the first of a round the second of the next.

    Args:
        warm_up: Rounds that are not counted; TorchScript compiles in its first two calls. None
            before a single round, which only shows that it works.
    """
    for _ in range(min(warm_up, rounds - 1)):
        ours(), theirs()
    pairs = []
    for number in range(rounds):
        if number % 2:
            second = _time(theirs)
            pairs.append((_time(ours), second))
        else:
            pairs.append((_time(ours), _time(theirs)))
    return tuple(pairs)


def _time(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
