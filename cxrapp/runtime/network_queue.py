"""One pass of the network at a time for all sessions, as each takes all cores."""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice


class NetworkQueue:
    """A queue of threads, first come, first served.

    A thread that needs many turns gets one of them after everybody who asked meanwhile, so a film
    dropped in while another reader screens five hundred does not wait for those.

    Args:
        at_once: How many have their turn together.
    """

    def __init__(self, at_once: int = 1) -> None:
        self._at_once = at_once
        self._queue: deque[threading.Thread] = deque()  # the first have their turn
        self._changed = threading.Condition()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for one's turn, and pass it on when done. Not to be taken twice by one thread."""
        me = threading.current_thread()
        with self._changed:
            self._queue.append(me)
        try:
            with self._changed:
                self._changed.wait_for(lambda: me in islice(self._queue, self._at_once))
            yield
        finally:
            with self._changed:
                self._queue.remove(me)
                self._changed.notify_all()

    def ahead(self, thread: threading.Thread | None) -> int:
        """How many others have their turn before this thread; 0 as well where it does not wait."""
        with self._changed:
            return self._queue.index(thread) if thread in self._queue else 0

    def __len__(self) -> int:
        """How many wait or have their turn."""
        with self._changed:
            return len(self._queue)


NETWORK = NetworkQueue()  # of all readers of this process
