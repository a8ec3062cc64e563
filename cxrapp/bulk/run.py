"""From files to one table: parts that are there are kept, the others are screened, all joined."""

import re
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

from tqdm import tqdm

from cxrapp.bulk.files import File
from cxrapp.bulk.job import Job, Part, cut, parts_folder
from cxrapp.bulk.part import Screener
from cxrapp.report.table import table_writer
from cxrapp.runtime.files import open_whole

Engine = Callable[[Screener, Sequence[Part]], Iterator[int]]


def run(job: Job, files: Sequence[File], engine: Engine) -> None:
    """Screen the files into `job.csv`, which appears only when it is complete.

    Killed at any moment, the same call goes on from the parts that were finished, and the table is
    the same to the byte, whichever engines took part.

    Raises:
        CxrError: The bundle cannot be used, a file cannot be written, or the engine failed.
    """
    screener = Screener(job)
    _prepare(job)
    parts = cut(files)
    missing = [part for part in parts if not job.path_of(part).exists()]
    done = len(files) - sum(len(part.files) for part in missing)
    if done:
        _say(f"{job.csv}: {done:,} of {len(files):,} files were screened before; going on.")
    with tqdm(total=len(files), initial=done, unit="file", disable=None) as bar:
        for count in engine(screener, missing):
            bar.update(count)
    _join(job, parts)


def _prepare(job: Job) -> None:
    """The job's folder; that of another job, whose parts are of no use to this one, is removed."""
    job.folder.mkdir(parents=True, exist_ok=True)
    for other in parts_folder(job.csv).iterdir():
        if other != job.folder and re.fullmatch(r"[0-9a-f]{16}", other.name):
            _say(
                f"{job.csv}: an unfinished run had other files, another model, other options or "
                "another version of this program; starting anew."
            )
            shutil.rmtree(other)


def _join(job: Job, parts: Sequence[Part]) -> None:
    whole = job.folder / "whole.csv"
    with open_whole(whole) as table:
        table_writer(table)
        for part in parts:
            with job.path_of(part).open(newline="", encoding="utf-8") as rows:
                rows.readline()  # its header
                shutil.copyfileobj(rows, table)
    whole.replace(job.csv)
    shutil.rmtree(job.folder)
    with suppress(OSError):  # somebody keeps another file there
        parts_folder(job.csv).rmdir()


def _say(sentence: str) -> None:
    print(f"cxrapp: {sentence}", file=sys.stderr)
