"""Folders -> table -> patient-grouped split -> one uint8 array in memory.

The table is a pandas DataFrame with one row a film and the columns
    path      relative to the data folder
    patient   who it is: every split, fold and interval goes by this
    split     train | validation | test
and one column a finding: 1 present, 0 absent, NaN where the question is not defined.
"""

import hashlib
import os
import re
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedGroupKFold
from tqdm import tqdm

from cxrapp.preprocess import Preprocessing
from cxrapp.radiograph import Radiograph, read_upload

# Bacterial and viral cases are numbered separately, and so are the two series of normal films:
# the number alone would join children who have never met.
KERMANY_NAMES = (
    (re.compile(r"person(?P<patient>\d+)_bacteria_"), "bacteria", {"pneumonia": 1, "viral": 0}),
    (re.compile(r"person(?P<patient>\d+)_virus_"), "virus", {"pneumonia": 1, "viral": 1}),
    (re.compile(r"IM-(?P<patient>\d+)-"), "normal", {"pneumonia": 0, "viral": np.nan}),
    (re.compile(r"NORMAL2-IM-(?P<patient>\d+)-"), "normal2", {"pneumonia": 0, "viral": np.nan}),
)
KERMANY_FOLDERS = {"NORMAL": 0, "PNEUMONIA": 1}


def find_data(given: str | None) -> Path:
    """The folder with `train` and `test`: `--data`, then $CXR_DATA, then ../shared/data.

    Raises:
        ValueError: There is no such folder.
    """
    root = Path(given or os.environ.get("CXR_DATA") or "../shared/data")
    for candidate in (root, root / "kermany", root / "chest_xray"):
        if all((candidate / split / "NORMAL").is_dir() for split in ("train", "test")):
            return candidate
    raise ValueError(
        f"{root} holds no train/NORMAL and test/NORMAL folders: name the folder of films with "
        "--data or CXR_DATA."
    )


def read_table(root: Path) -> pd.DataFrame:
    """Read the published Kermany layout: {train,test}/{NORMAL,PNEUMONIA}/<name>.jpeg.

    Raises:
        ValueError: A file name tells no patient, or contradicts the folder it is in.
    """
    rows = [
        {"path": path.relative_to(root).as_posix(), "split": split, **_read_name(path, label)}
        for split in ("train", "test")
        for folder, label in KERMANY_FOLDERS.items()
        for path in sorted((root / split / folder).glob("*"))
        if path.suffix.lower() in (".jpeg", ".jpg", ".png")
    ]
    return pd.DataFrame(rows)


def _read_name(path: Path, label: int) -> dict[str, str | float]:
    for pattern, group, findings in KERMANY_NAMES:
        if match := pattern.match(path.name):
            if findings["pneumonia"] != label:
                raise ValueError(f"{path}: the file name contradicts its folder.")
            return {"patient": f"{group}-{match['patient']}", **findings}
    raise ValueError(f"{path}: the file name tells no patient (person12_virus_3, IM-0115-0001).")


def drop_copies(table: pd.DataFrame, root: Path) -> tuple[pd.DataFrame, int]:
    """Drop training films whose bytes equal another film's; adds the column `sha256`.

    The official test set stays whole, so that its numbers compare with everyone else's.

    Returns:
        The table without copies, and how many were dropped.
    """
    digests = [hashlib.sha256((root / path).read_bytes()).hexdigest() for path in table["path"]]
    table = table.assign(sha256=digests)
    # Test first: a film in both sets must leave the training set.
    copies = table.sort_values("split", kind="stable").duplicated("sha256").sort_index()
    drop = copies & (table["split"] == "train")
    return table[~drop].reset_index(drop=True), int(drop.sum())


def split_validation(table: pd.DataFrame, share: float, seed: int) -> pd.DataFrame:
    """Move a share of the training patients to `validation`, classes in proportion."""
    train = table.index[table["split"] == "train"]
    rows = table.loc[train]
    classes = rows.groupby(["pneumonia", "viral"], dropna=False).ngroup()
    folds = StratifiedGroupKFold(round(1 / share), shuffle=True, random_state=seed)
    _, chosen = next(folds.split(train, classes, rows["patient"]))
    table = table.copy()
    table.loc[train[chosen], "split"] = "validation"
    return table


def digest(table: pd.DataFrame) -> str:
    """SHA-256 over every film's bytes and its place in the split: names the data and the split."""
    lines = table[["split", "patient", "sha256"]].agg(" ".join, axis=1)
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()


def read_film(path: Path) -> Radiograph:
    """Read one film of a training folder with the clinic's own reader.

    Raises:
        ValueError: The file is not a film; a training set must be clean.
    """
    (film,) = read_upload(path.name, path.read_bytes())
    if not isinstance(film, Radiograph):
        raise ValueError(f"{path}: {film.reason}")
    return film


def load_films(table: pd.DataFrame, root: Path, preprocessing: Preprocessing) -> np.ndarray:
    """Decode every film of the table once: (N, 1, S, S) uint8.

    All 5,856 films take 300 MB at 224 px, so there is no loader and there are no workers.
    """
    films = np.empty((len(table), 1, preprocessing.size, preprocessing.size), np.uint8)
    for i, path in enumerate(
        tqdm(table["path"], desc=f"films at {preprocessing.size} px", disable=None)
    ):
        films[i] = np.rint(preprocessing.to_input(read_film(root / path).pixels) * 255)
    return films
