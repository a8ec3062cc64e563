"""What a run is asked to do, and its identity: the same job goes on, another starts anew."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from cxrapp import __version__
from cxrapp.bulk.files import File
from cxrapp.model.card import ModelCard
from cxrapp.model.decision import Settings
from cxrapp.model.lungs import LungCard

PART_FILES = 16  # two batches: what a kill may cost a worker, some seconds


@dataclass(frozen=True)
class Part:
    """A run of files that one worker screens at a time.

    Args:
        index: Its place in the table.
    """

    index: int
    files: tuple[File, ...]


@dataclass(frozen=True)
class Job:
    """What is done with every file. Paths are absolute: a worker may run in another folder.

    Args:
        bundle: The bundle's .pt.
        csv: The table to write.
        heatmaps: Folder of the heat maps; None writes none.
        identity: See `identify`.
        lungs: Folder of the lungs' masks; None writes none.
    """

    bundle: Path
    settings: Settings
    csv: Path
    heatmaps: Path | None
    identity: str
    lungs: Path | None = None

    @property
    def folder(self) -> Path:
        """Where this job keeps its finished parts; another job never writes there."""
        return parts_folder(self.csv) / self.identity

    def path_of(self, part: Part) -> Path:
        """The table of one part."""
        return self.folder / f"{part.index:06d}.csv"


def parts_folder(csv: Path) -> Path:
    """The folder beside a table that holds the parts of a run that is not finished."""
    return csv.with_name(f"{csv.name}.parts")


def cut(files: Sequence[File]) -> list[Part]:
    """Files -> parts of `PART_FILES`, in order."""
    starts = range(0, len(files), PART_FILES)
    return [
        Part(index, tuple(files[start : start + PART_FILES])) for index, start in enumerate(starts)
    ]


def identify(
    card: ModelCard,
    settings: Settings,
    heatmaps: Path | None,
    files: Sequence[File],
    *,
    lungs: Path | None = None,
    lung_card: LungCard | None = None,
) -> str:
    """16 hexadecimal digits that change with whatever could change a row.

    The program's version, the models and their cards, settings, and every file's name, path, size
    and time of change. Batches end where parts end, and a film's last digits depend on its batch,
    so the size of a part counts as well.
    """
    digest = hashlib.sha256()

    def add(*values: object) -> None:
        digest.update(json.dumps(values).encode() + b"\n")

    add(__version__, PART_FILES, card.to_json())
    add(sorted((finding, asdict(setting)) for finding, setting in settings.items()))
    add(lung_card and lung_card.to_json())
    add([folder and str(folder) for folder in (heatmaps, lungs)])
    for file in files:
        add(file.name, file.path, file.stamp())
    return digest.hexdigest()[:16]
