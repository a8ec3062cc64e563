"""Files that are either whole or not there: a program killed while it writes leaves none broken."""

import json
import math
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

from cxrapp.errors import CxrError


def write_whole(path: Path, data: bytes | memoryview) -> None:
    """Write a file that is whole whenever it is there.

    Raises:
        OSError: As `stage`.
    """
    os.replace(stage(path, data), path)


def stage(path: Path, data: bytes | memoryview) -> Path:
    """Write a file, whole and on the disk, under the name from which it can be moved to `path`.

    That name is always the same, so that the next attempt writes over what a killed one left.

    Raises:
        OSError: It cannot be written; the error names `path`.
    """
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        raise OSError(error.errno, error.strerror, str(path)) from error
    return part


@contextmanager
def open_whole(path: Path) -> Iterator[TextIO]:
    """A text file to write line by line, which takes its name only when it is finished.

    Until then its name is like no other: two workers of a cluster may write the same file.

    Raises:
        CxrError: It cannot be written.
    """
    unfinished = path.with_name(f"{path.name}.{uuid.uuid4().hex}")
    try:
        with unfinished.open("x", newline="", encoding="utf-8") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    except OSError as error:
        raise CxrError(f"{path}: cannot be written ({error.strerror}).") from error
    finally:
        unfinished.unlink(missing_ok=True)


def to_json(value: Any) -> str:
    """Plain values as strict JSON, where NaN and infinity have no place: they become null."""

    def finite(part: Any) -> Any:
        if isinstance(part, dict):
            return {key: finite(inner) for key, inner in part.items()}
        if isinstance(part, list | tuple):
            return [finite(inner) for inner in part]
        return None if isinstance(part, float) and not math.isfinite(part) else part

    return json.dumps(finite(value), allow_nan=False, indent=2) + "\n"


def say(error: OSError) -> str:
    """An error of the file system as a sentence that names the file."""
    reason = error.strerror or str(error)
    return f"{error.filename}: {reason}." if error.filename else f"{reason}."
