"""Which film a table means: its paths are seldom written as the upload names them."""

from collections import defaultdict
from collections.abc import Sequence

from cxrapp.site.folders import UnusableLabel


class FilmNames:
    """Finds films by the path a table gives.

    `x.png`, `NORMAL/x.png`, `films.zip/NORMAL/x.png` and `C:\\export\\NORMAL\\x.png` may all be
    one film: a film is meant where one path ends in the other, whole folders at a time. The longest
    such ending wins; case and the kind of slash make no difference.

    Args:
        names: Of the films, in the order that `find` counts in.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._whole: dict[tuple[str, ...], set[int]] = defaultdict(set)
        self._ends: dict[tuple[str, ...], set[int]] = defaultdict(set)
        for i, name in enumerate(names):
            parts = _split(name)
            self._whole[parts].add(i)
            if len(parts) > 1 and parts[0].endswith(".zip"):  # a table does not know the archive
                self._whole[parts[1:]].add(i)
            for start in range(len(parts)):
                self._ends[parts[start:]].add(i)

    def find(self, path: str) -> int:
        """Position of the one film meant.

        Raises:
            UnusableLabel: None is, or several are.
        """
        parts = _split(path)
        films = self._whole.get(parts) or self._ends.get(parts) or set()
        for start in range(1, len(parts)):
            films = films or self._whole.get(parts[start:], set())
        if not films:
            raise UnusableLabel("no film of this name was read")
        if len(films) > 1:
            raise UnusableLabel(f"{len(films)} films have this name; give the folders with it")
        return next(iter(films))


def _split(path: str) -> tuple[str, ...]:
    parts = path.strip().casefold().replace("\\", "/").split("/")
    return tuple(part for part in parts if part not in ("", "."))
