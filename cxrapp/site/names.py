"""Which film a table means: its paths are seldom written as the upload names them."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from cxrapp.films.names import same_letters
from cxrapp.site.folders import UnusableLabel

SUFFIX = re.compile(r"\.(dcm|dicom|dic|ima|jpe?g|png)$")
Parts = tuple[str, ...]


class FilmNames:
    """Finds films by the path a table gives.

    `x.png`, `NORMAL/x.png`, `films.zip/NORMAL/x.png` and `C:\\export\\NORMAL\\x.png` may all be
    one film: a film is meant where one path ends in the other, whole folders at a time. The longest
    such ending wins; case, the kind of slash and the form of composed letters make no difference.
    Where no film has the name, one is meant that has it but for the suffix of a film's file: tables
    leave that out, and DICOM files may have none.

    Args:
        names: Of the films, in the order that `find` counts in.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._written = _Endings(map(_split, names))
        self._bare = _Endings(_without_suffix(_split(name)) for name in names)

    def find(self, path: str) -> int:
        """Position of the one film meant.

        Raises:
            UnusableLabel: None is, or several are.
        """
        parts = _split(path)
        films = self._written.find(parts) or self._bare.find(_without_suffix(parts))
        if not films:
            raise UnusableLabel("no film of this name was read")
        if len(films) > 1:
            raise UnusableLabel(f"{len(films)} films have this name; give the folders with it")
        return next(iter(films))


class _Endings:
    """Positions of paths by the whole of them and by all their endings."""

    def __init__(self, paths: Iterable[Parts]) -> None:
        self._whole: dict[Parts, set[int]] = defaultdict(set)
        self._ends: dict[Parts, set[int]] = defaultdict(set)
        for i, parts in enumerate(paths):
            self._whole[parts].add(i)
            if len(parts) > 1 and parts[0].endswith(".zip"):  # a table does not know the archive
                self._whole[parts[1:]].add(i)
            for start in range(len(parts)):
                self._ends[parts[start:]].add(i)

    def find(self, parts: Parts) -> set[int]:
        """Those that end in the path; else those that the longest ending of it is."""
        films = self._whole.get(parts) or self._ends.get(parts) or set()
        for start in range(1, len(parts)):
            films = films or self._whole.get(parts[start:], set())
        return films


def _split(path: str) -> Parts:
    parts = same_letters(path).strip().casefold().replace("\\", "/").split("/")
    return tuple(part for part in parts if part not in ("", "."))


def _without_suffix(parts: Parts) -> Parts:
    return (*parts[:-1], SUFFIX.sub("", parts[-1])) if parts else parts
