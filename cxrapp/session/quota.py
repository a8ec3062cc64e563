"""Room for films: what one session may hold, and all sessions of the server together."""

import threading
import weakref

from cxrapp.films.limits import MAX_FILMS, MAX_SERVER_BYTES, MAX_SESSION_BYTES
from cxrapp.runtime.metrics import WORKLISTS

_all: "weakref.WeakSet[Room]" = weakref.WeakSet()
_lock = threading.Lock()
WORKLISTS.set_function(lambda: len(_all))


class Room:
    """What the films of one worklist take; given back when it is let go."""

    def __init__(self) -> None:
        self.films = self.bytes = 0
        with _lock:
            _all.add(self)

    def lack(self, count: int) -> str:
        """Why so many bytes more cannot be held; empty where they can."""
        if self.films >= MAX_FILMS or self.bytes + count > MAX_SESSION_BYTES:
            return f"One session holds {MAX_FILMS} films or {MAX_SESSION_BYTES // 2**30} GB."
        with _lock:
            held = sum(room.bytes for room in _all)
        if held + count > MAX_SERVER_BYTES:
            return "The server's room for films is taken by other readers; try again later."
        return ""

    def take(self, count: int) -> None:
        """One film more, of so many bytes."""
        self.films += 1
        self.bytes += count

    def give_back(self, count: int) -> None:
        """One film less, of so many bytes."""
        self.films -= 1
        self.bytes -= count

    def clear(self) -> None:
        """Give all of it back."""
        self.films = self.bytes = 0
