"""Which films look as if one machine had made them.

Films of one hospital come from several machines, rooms and years, and some of them made films of
the sick only. Nobody wrote down which, so films are grouped by what a machine leaves on them:
grey levels, detail, black borders, burned-in letters, and width and height where they are known.
The groups are made without labels, by k-means on the films that are not the official test, and
every other film goes to the nearest. A group is a look, not a serial number.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cxrapp.films.preprocess import Preprocessing
from train import data

GROUPS = 12  # fewer join machines that differ by eye, more split single ones
FEWEST = 20 * GROUPS  # films of a source below which it is one group
QUANTILES = (0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 0.98)
EDGE = 12  # pixels of a border
CORNER = 64  # pixels of an upper corner, where letters stand
BLACK, WHITE = 0.06, 0.92
SIZES = "kermany-sizes.csv"


def group_machines(table: pd.DataFrame, root: Path) -> pd.Series:
    """Name the group of every film, such as `kermany C`; the index is the table's.

    Letters go by size, the largest group first.
    """
    names = pd.Series("", table.index)
    for source, rows in table.groupby("source", sort=False):
        # Source by source, or the groups would be the sources. And not by the official test, which
        # must decide nothing.
        known = (rows["split"] != "test").to_numpy()
        if known.sum() < FEWEST:
            names[rows.index] = f"{source} A"
            continue
        looks = describe_looks(rows, root)
        # From one seed, so that the same films make the same groups and a letter means the same in
        # every run of them.
        model = make_pipeline(StandardScaler(), KMeans(GROUPS, n_init=10, random_state=0))
        numbers = model.fit(looks[known]).predict(looks)
        order = np.argsort(-np.bincount(numbers[known], minlength=GROUPS), kind="stable")
        letters = {number: chr(ord("A") + place) for place, number in enumerate(order)}
        names[rows.index] = [f"{source} {letters[number]}" for number in numbers]
    return names


def describe_looks(rows: pd.DataFrame, root: Path) -> np.ndarray:
    """(N, D) float64: what a machine leaves on each film, and its size where that is known."""
    films = data.load_films(rows, root, Preprocessing(data.LOOK))[:, 0]
    looks = np.stack([_describe(film / np.float32(255)) for film in films])
    if not (root / SIZES).exists():
        return looks
    sizes = pd.read_csv(root / SIZES).set_index("film")
    # What the squash to a square hides. As logarithms, so that twice as wide is as far off as half
    # as wide.
    width, height = (np.log(rows["path"].map(sizes[side])) for side in ("width", "height"))
    known = pd.DataFrame({"width": width, "height": height, "aspect": width - height})
    if known.isna().all(axis=None):
        return looks
    # Films of unknown size go to the middle, where size tells for no group.
    return np.column_stack([looks, known.fillna(known.median())])


def _describe(film: np.ndarray) -> np.ndarray:
    """One film (S, S) float32 in [0, 1] -> (17,): tone, detail, borders, letters."""
    sides = film[:, :EDGE], film[:, -EDGE:], film[:EDGE], film[-EDGE:]
    corners = film[:CORNER, :CORNER], film[:CORNER, -CORNER:]
    return np.array(
        [
            # Tone: where a machine's curve puts the greys.
            *np.quantile(film, QUANTILES),
            film.std(),
            # Detail along and across: how sharp it is, and how the squash has stretched that.
            np.abs(np.diff(film, axis=1)).mean(),
            np.abs(np.diff(film, axis=0)).mean(),
            # What is left of the collimator at the borders.
            *(side.mean() for side in sides),
            *((side < BLACK).mean() for side in sides[:2]),
            # Letters and markers, burned in white.
            *((corner > WHITE).mean() for corner in corners),
        ]
    )
