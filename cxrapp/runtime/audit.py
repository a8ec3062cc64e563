"""A file of every answer that was shown, to which lines are only ever added.

One JSON object a line. Each carries the SHA-256 of the line before and, as its last member, that
of itself, so a line that is changed, moved or taken out from among others breaks the chain. Lines
taken off the end leave a whole chain behind: keep the last hash elsewhere from time to time.
"""

import errno
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from cxrapp.errors import AuditFault

VARIABLE = "CXR_AUDIT"  # of the environment: the file's path
FIRST = "0" * 64  # what stands before the first line
TAIL = 64 * 2**10  # bytes; no line is as long


def append(path: Path, entries: Iterable[Mapping[str, Any]]) -> None:
    """Add lines, all or none, and wait until they are on the disk.

    Args:
        path: The file; made where it is missing, readable by its owner alone.
        entries: JSON values; the time and the hashes are added here.

    Raises:
        AuditFault: The file cannot be written, or does not end in a whole line.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        with open(descriptor, "r+b", buffering=0) as file:
            _lock(file)
            size = file.seek(0, os.SEEK_END)
            lines = b"".join(_chain(_last_hash(file, size), entries))
            try:
                if file.write(lines) != len(lines):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                os.fsync(file.fileno())
            except OSError:
                file.truncate(size)  # no half line
                raise
    except OSError as error:
        raise AuditFault(f"The audit file {path} cannot be written ({error.strerror}).") from None


def check(path: Path) -> int:
    """Follow the chain from the first line; returns how many lines there are.

    Raises:
        AuditFault: With the number of the first line that does not fit.
    """
    last, number = FIRST, 0
    try:
        with path.open("rb") as file:
            for line in file:
                number += 1
                entry, before = json.loads(line), last
                last = entry.pop("hash")
                if entry["previous"] != before or _link(entry) != (last, line):
                    raise ValueError
    except OSError as error:
        raise AuditFault(f"The audit file {path} cannot be read ({error.strerror}).") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise AuditFault(
            f"{path}: line {number} was changed, or lines before it were taken out."
        ) from None
    return number


def _chain(last: str, entries: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    for entry in entries:
        time = datetime.now(UTC).isoformat(timespec="milliseconds")
        last, line = _link({"time": time, **entry, "previous": last})
        yield line


def _link(entry: Mapping[str, Any]) -> tuple[str, bytes]:
    """An entry's hash, and its line."""
    digest = hashlib.sha256(_dump(entry)).hexdigest()
    return digest, _dump({**entry, "hash": digest}) + b"\n"


def _last_hash(file: BinaryIO, size: int) -> str:
    if not size:
        return FIRST
    file.seek(max(0, size - TAIL))
    tail = file.read(TAIL)
    try:
        if not tail.endswith(b"\n"):
            raise ValueError
        return str(json.loads(tail.splitlines()[-1])["hash"])
    except (ValueError, KeyError, TypeError):
        raise OSError(errno.EINVAL, "it does not end in a line of an audit") from None


def _dump(entry: Mapping[str, Any]) -> bytes:
    return json.dumps(entry, allow_nan=False, separators=(",", ":")).encode()


def _lock(file: BinaryIO) -> None:
    """Two processes may share a file; the lock goes with the file's closing."""
    try:
        import fcntl
    except ImportError:  # Windows: give each process a file of its own
        return
    fcntl.flock(file, fcntl.LOCK_EX)
