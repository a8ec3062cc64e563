"""Files, folders and ZIP archives on a disk -> films."""

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cxrapp.films.limits import MAX_FILE_BYTES, MAX_ZIP_BYTES
from cxrapp.films.names import is_clutter
from cxrapp.films.radiograph import Radiograph, Rejection
from cxrapp.films.sandbox import read_untrusted


@dataclass(frozen=True)
class File:
    """One file to screen.

    Args:
        name: As found under the PATH it was asked for by, in characters every table can hold.
        path: Absolute.
    """

    name: str
    path: str

    def stamp(self) -> tuple[int, int] | None:
        """Size and time of the last change, which tell a file that was changed; None without it."""
        try:
            status = os.stat(self.path)
        except OSError:
            return None
        return status.st_size, status.st_mtime_ns


def find_files(paths: Iterable[Path], outputs: Iterable[Path] = ()) -> Iterator[File]:
    """Everything under the paths, in the order of its names.

    System clutter such as .DS_Store or Thumbs.db is passed over, and so is what this run itself
    writes. A link to a folder is not followed; it and a folder that cannot be listed are yielded
    themselves: reading them says why.

    Args:
        paths: Files and folders.
        outputs: Resolved paths to pass over.
    """
    passed_over = {str(path) for path in outputs}
    for path in paths:
        if not path.is_dir():
            yield File(_printable(str(path)), str(path.absolute()))
            continue
        root = str(path.resolve())
        for found in _walk(root, passed_over):
            name = os.path.relpath(found, root) if found != root else str(path)
            yield File(_printable(name), found)


def _walk(root: str, passed_over: set[str]) -> Iterator[str]:
    waiting = [root]
    while waiting:
        path = waiting.pop()
        try:
            is_folder = stat.S_ISDIR(os.lstat(path).st_mode)
            children = sorted(os.listdir(path), reverse=True) if is_folder else None
        except OSError:
            children = None
        if children is not None:
            inside = (os.path.join(path, child) for child in children)
            waiting += [child for child in inside if child not in passed_over]
        elif not (os.path.basename(path).startswith(".") or is_clutter(path)):
            yield path


def _printable(name: str) -> str:
    """A name with / between folders, bytes that are no UTF-8 spelt out."""
    return os.fsencode(name).decode("utf-8", "backslashreplace").replace(os.sep, "/")


def read_file(file: File, side: int = 0) -> Iterator[Radiograph | Rejection]:
    """The films of one file; a file that cannot be opened is a rejection with the reason.

    Args:
        side: See `read_untrusted`.
    """
    # A ZIP may be large; a film may not, and its size is checked before it is read.
    limit = MAX_ZIP_BYTES if file.path.lower().endswith(".zip") else MAX_FILE_BYTES
    try:
        status = os.stat(file.path)
        if not stat.S_ISREG(status.st_mode):  # a pipe would wait for its other end
            yield Rejection(file.name, "It is not a file.")
            return
        if status.st_size > limit:
            yield Rejection(file.name, f"The file is larger than {limit // 2**20:,} MB.")
            return
        data = Path(file.path).read_bytes()
    except OSError as error:
        yield Rejection(file.name, f"The file cannot be opened ({error.strerror}).")
        return
    yield from read_untrusted(file.name, data, side)
