"""Folders -> table -> split by blocks of patient numbers -> one uint8 array in memory.

The table is a pandas DataFrame with one row a film and the columns
    path       relative to the data folder
    source     the collection it comes from
    patient    who it is: every split, fold and interval goes by this
    series     of films that were numbered together, within a source
    number     place in the series
    block      which twentieth of its series, 0 to 19; NaN for test films
    split      train | left out | validation | test
    view       AP, PA or AP Supine, where known
    age_years  where known
and one column a finding: 1 present, 0 absent, NaN where the question is not defined.
"""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from cxrapp.films.preprocess import Preprocessing
from cxrapp.films.radiograph import Radiograph
from cxrapp.films.sandbox import provide_decoders, read_untrusted
from train.sources import LEFT_OUT, SOURCES

FINDINGS = ["pneumonia", "viral", "covid19"]
COLUMNS = ["path", "split", "source", "series", "number", "patient", "view", "age_years", *FINDINGS]
LOOK = 224  # pixels a side at which every film is looked at first
# A twentieth of Kermany's films is some 260: enough to measure on, and few enough to lose.
BLOCKS = 20


def find_data(given: str | None) -> Path:
    """The folder of films: `--data`, then $CXR_DATA, then ../shared/data.

    Raises:
        ValueError: There is no such folder.
    """
    # What was typed outweighs what was set, and that what lies beside by chance.
    root = Path(given or os.environ.get("CXR_DATA") or "../shared/data")
    if not root.is_dir():
        raise ValueError(f"{root} is no folder: name the folder of films with --data or CXR_DATA.")
    return root


def read_table(root: Path, sources: tuple[str, ...]) -> pd.DataFrame:
    """The films of all the named sources.

    Raises:
        ValueError: A source is unknown, not there or not as published.
    """
    # All names first: reading a source takes seconds, and a slip in the last one would waste them.
    for source in sources:
        if source not in SOURCES:
            raise ValueError(f"Unknown source {source!r}: use {', '.join(SOURCES)}.")
    # The empty table gives every column to every source, NaN where a collection does not say.
    tables = [SOURCES[source](root) for source in sources]
    left_out = [why for table in tables for why in table.attrs.get(LEFT_OUT, [])]
    for table in tables:
        table.attrs.clear()  # pandas compares them where it puts tables together
    table = pd.concat([*tables, pd.DataFrame(columns=COLUMNS)], ignore_index=True)[COLUMNS]
    table.attrs[LEFT_OUT] = left_out
    return table


def drop_damaged(table: pd.DataFrame, root: Path) -> tuple[pd.DataFrame, list[str]]:
    """Leave out files that are no film; one sentence each says which and why.

    Found before anything is learned: a run that ended at its ten-thousandth film would have cost
    the minutes of all the others. Films are read as machines are grouped by, and read once.
    """

    def find_fault(path: str) -> str | None:
        try:
            _load_film(root / path, Preprocessing(LOOK))
        except ValueError as error:
            return str(error)
        return None

    # All faults at once: whoever corrects the films need not come back for each.
    faults = pd.Series(list(_side_by_side(find_fault, table["path"])), table.index, dtype=object)
    return table[faults.isna()].reset_index(drop=True), faults.dropna().tolist()


def drop_copies(table: pd.DataFrame, root: Path) -> tuple[pd.DataFrame, int]:
    """Drop training films whose bytes equal another film's; adds the column `sha256`.

    The official test set stays whole, so that its numbers compare with everyone else's.

    Returns:
        The table without copies, and how many were dropped.
    """
    # By bytes and not by pixels: what was saved again is another film to a network that sees how
    # sharp it is, and reading bytes takes seconds where decoding takes minutes.
    digests = [hashlib.sha256((root / path).read_bytes()).hexdigest() for path in table["path"]]
    table = table.assign(sha256=digests)
    # Test first: a film in both sets must leave the training set.
    copies = table.sort_values("split", kind="stable").duplicated("sha256").sort_index()
    drop = copies & (table["split"] == "train")
    return table[~drop].reset_index(drop=True), int(drop.sum())


def number_blocks(table: pd.DataFrame) -> pd.DataFrame:
    """Add the column `block`: which twentieth of its series a training film lies in.

    Films are numbered about as they were taken, and machines came and went with time. A validation
    film whose neighbours are in training is known by its machine, so what is set apart is a run of
    consecutive patients of every series, as the official test is. Patients stay whole, and a
    series is cut by films, not by patients, so that the blocks are of one size.
    """
    # Test films have no block: nobody may set them apart once more.
    table = table.assign(block=np.nan)
    for _, rows in table[table["split"] == "train"].groupby(["source", "series"], sort=False):
        patients = rows.groupby("patient")["number"].agg(["min", "size"])
        patients = patients.sort_values("min", kind="stable")
        # By the middle of a patient's films, so that one with many goes where most of them are.
        middle = patients["size"].cumsum() - patients["size"] / 2
        blocks = (middle / len(rows) * BLOCKS).astype(int).clip(0, BLOCKS - 1)
        table.loc[rows.index, "block"] = rows["patient"].map(blocks)
    # Films of one patient may stand in two series; the patient goes where the first film does.
    train = table["split"] == "train"
    # By name and source, as sources number their patients each in their own way.
    first = table[train].groupby(["source", "patient"])["block"].transform("first")
    table.loc[train, "block"] = first
    return table


def split_validation(table: pd.DataFrame, blocks: tuple[int, ...]) -> pd.DataFrame:
    """Move the training films of some blocks to `validation`; adds the column `block`.

    Source by source, so that a run on one source and a run on several set the same patients
    apart and one may start from the other's weights.
    """
    table = number_blocks(table)
    return table.assign(split=table["split"].mask(table["block"].isin(blocks), "validation"))


def leave_out(table: pd.DataFrame, condition: str) -> pd.DataFrame:
    """Move the training films that fit a condition, such as `block in (0, 3)`, to `left out`.

    Raises:
        ValueError: pandas cannot read the condition, or no training film is left.
    """
    if not condition:
        return table
    train = table["split"] == "train"
    chosen = train & table.index.isin(_query(table, condition, "leave_out").index)
    if not (train & ~chosen).any():
        raise ValueError(f"leave_out = {condition!r} leaves no film to train on.")
    # To a split of their own, not dropped: nobody has trained on them, so they are measured apart.
    return table.assign(split=table["split"].mask(chosen, "left out"))


def choose_films(table: pd.DataFrame, findings: list[str], where: str) -> pd.DataFrame:
    """The films that answer any of the findings and fit a condition, such as `viral == 1`.

    Raises:
        ValueError: pandas cannot read the condition, or no film is left.
    """
    # A film that answers one question of two is kept: the loss leaves the other one out.
    table = table.dropna(subset=findings, how="all")
    table = _query(table, where, "where") if where else table
    if table.empty:
        raise ValueError(f"where = {where!r} leaves no film that answers {', '.join(findings)}.")
    return table.reset_index(drop=True)


def _query(table: pd.DataFrame, condition: str, key: str) -> pd.DataFrame:
    try:
        # In pandas' own language, so that a recipe says in one line what would be code here.
        return table.query(condition)
    except Exception as error:  # pandas raises whatever Python's parser and its own do
        raise ValueError(f"{key} = {condition!r}: {error}") from error


def hold_out(table: pd.DataFrame, source: str) -> pd.DataFrame:
    """Make every film of one source a test film, and drop the test films of the others."""
    # The other sources' official test films go: the test is to be of films from elsewhere alone.
    held = table["source"] == source
    table = table.assign(split=table["split"].mask(held, "test"))
    return table[held | (table["split"] != "test")].reset_index(drop=True)


def digest(table: pd.DataFrame) -> str:
    """SHA-256 over every film's bytes and its place in the split: names the data and the split."""
    # Sorted, so that it names the films and not the order in which folders list them.
    lines = table[["split", "patient", "sha256"]].agg(" ".join, axis=1)
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()


def read_film(path: Path) -> Radiograph:
    """Read one film of a training folder with the clinic's own reader.

    Raises:
        ValueError: The file is not a film; a training set must be clean.
    """
    # The clinic's own way in, sandbox included: a difference between the two would be learned.
    (film,) = read_untrusted(path.name, path.read_bytes())
    if not isinstance(film, Radiograph):
        raise ValueError(f"{path}: {film.reason}")
    return film


def load_films(table: pd.DataFrame, root: Path, preprocessing: Preprocessing) -> np.ndarray:
    """Decode every film of the table once: (N, 1, S, S) uint8.

    All 5,856 films take 300 MB at 224 px, so there is no loader and there are no workers.
    """
    # As bytes, a quarter of float32, and at full length at once: a list would hold all films twice
    # while it is stacked.
    films = np.empty((len(table), 1, preprocessing.size, preprocessing.size), np.uint8)
    read = _side_by_side(lambda path: _load_film(root / path, preprocessing), table["path"])
    bar = tqdm(read, desc=f"films at {preprocessing.size} px", total=len(table), disable=None)
    for i, film in enumerate(bar):
        films[i] = film
    return films


def _side_by_side(work: Callable[[str], Any], paths: Iterable[str]) -> Iterator[Any]:
    """Results in order, a thread a core: films are decoded in processes that threads wait for."""
    cores = os.cpu_count() or 1
    # A decoder a thread: with fewer, threads would wait for each other's.
    provide_decoders(cores)
    with ThreadPoolExecutor(cores) as threads:
        yield from threads.map(work, paths)


# Bytes, as the films are published in eight bits: floats would fill four times the memory. Room for
# more films than all four collections hold.
@lru_cache(maxsize=50_000)  # one command trains several networks on the same films
def _load_film(path: Path, preprocessing: Preprocessing) -> np.ndarray:
    return np.rint(preprocessing.to_input(read_film(path).pixels) * 255).astype(np.uint8)
