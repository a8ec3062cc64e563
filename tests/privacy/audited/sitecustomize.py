"""Imported by every Python process that has this folder on PYTHONPATH, before anything else runs.

It writes down what the process does to files and to the network: one line a deed, its kind and
what it was done to, in the file that the variable WITNESS names.
"""

import os
import sys

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_log = os.open(os.environ["WITNESS"], os.O_WRONLY | os.O_APPEND)


def _write_down(event: str, args: tuple) -> None:
    if event == "open" and args[2] and args[2] & _WRITING:
        if not isinstance(args[0], int):  # a number is a file that is open already
            _note("write", args[0])
    elif event in ("os.rename", "os.link", "os.symlink"):
        _note("write", args[1])
    elif event in ("os.mkdir", "os.truncate"):
        _note("write", args[0])
    elif event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        _note("connect", args[1][0] if isinstance(args[1], tuple) else f"unix:{args[1]}")
    elif event.startswith(("socket.getaddrinfo", "socket.gethostby", "socket.getnameinfo")):
        _note("look up", args[0])


def _note(kind: str, what: object) -> None:
    os.write(_log, f"{kind}\t{what}\n".encode(errors="replace"))


sys.addaudithook(_write_down)
