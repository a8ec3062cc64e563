"""glibc's heap in a process of many threads, of which it would keep much that is free."""

import ctypes
from collections.abc import Callable

M_ARENA_MAX = -8  # of malloc.h
ARENAS = 2


def limit_heaps() -> None:
    """Have threads use common heaps, instead of one or more each.

    Every run of a page is a thread, and films that one frees stay in its own heap, in pieces.
    """
    if mallopt := _libc("mallopt"):
        mallopt(M_ARENA_MAX, ARENAS)


def give_back() -> None:
    """Return what is free to the system."""
    if malloc_trim := _libc("malloc_trim"):
        malloc_trim(0)


def _libc(name: str) -> Callable[..., int] | None:
    """A function of the C library, None where it has none of that name: not all are glibc."""
    return getattr(ctypes.CDLL(None), name, None)
