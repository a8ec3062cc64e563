"""What a network knows without looking at the lungs.

    python -m train shortcuts RUN --data DIR

Scores the test again with parts of each film hidden, and fits a baseline too coarse to see disease
in: a thumbnail of 8 x 8 pixels and what the squash to a square leaves of shape and sharpness. The
chest is a fixed box, not a segmentation. Writes RUN/shortcuts.json.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tqdm import tqdm

from cxrapp.explain import grad_cams
from cxrapp.explain.trust import chest_mask, heat_in_chest
from cxrapp.model.card import Finding
from cxrapp.model.predict import BATCH, encode
from cxrapp.statistics.bootstrap import mean_rate
from cxrapp.statistics.curves import auroc_difference, auroc_rate
from train import data
from train.evaluate import Run, load_run
from train.files import to_json, write_atomically

BORDER, CORNER = 0.10, 0.25  # share of the side
THUMBNAIL = 8  # pixels
LEAST_MARGIN = 0.02  # of AUROC; a network with less over the thumbnail has shown no need of lungs


def measure_shortcuts(folder: Path, root: Path) -> None:
    """Write RUN/shortcuts.json: finding -> check -> rate with its interval by patient."""
    run = load_run(folder)
    test = run.table[run.table["split"] == "test"]
    films = _load(run, test, root)
    logits = {name: _score(run, hide(films)) for name, hide in tqdm(VIEWS.items(), disable=None)}
    train = run.table[run.table["split"] == "train"]
    known, seen = describe(_load(run, train, root)), describe(films)
    shares = heat_shares(run, films)
    checks: dict[str, Any] = {}
    for k, finding in enumerate(run.recipe.findings):
        defined = test[finding.name].notna().to_numpy()
        labels = test.loc[defined, finding.name].to_numpy() == 1
        patients = pd.factorize(test.loc[defined, "patient"])[0]
        rates = {
            n: auroc_rate(labels, values[defined, k], patients) for n, values in logits.items()
        }
        baseline = fit_baseline(known, train[finding.name].to_numpy(float), seen[defined])
        rates["thumbnail and shape alone"] = auroc_rate(labels, baseline, patients)
        whole = logits["whole film"][defined, k]
        rates["margin over thumbnail and shape"] = auroc_difference(
            labels, whole, baseline, patients
        )
        heat = shares[defined, k]
        lit = labels & ~np.isnan(heat)
        if lit.any():
            rates["heat inside the chest, of films with it"] = mean_rate(heat[lit], patients[lit])
        checks[finding.name] = {name: asdict(rate) for name, rate in rates.items()}
    kept = {"run": run.stamp(), "checks": checks}
    write_atomically(folder / "shortcuts.json", to_json(kept))
    for finding, rates in checks.items():
        for name, rate in rates.items():
            print(f"{finding}, {name}: {rate['value']:.3f} ({rate['low']:.3f}, {rate['high']:.3f})")


def read_shortcuts(run: Run, folder: Path) -> dict[str, Any]:
    """What `measure_shortcuts` wrote; empty if it was not run on these weights."""
    path = folder / "shortcuts.json"
    kept = json.loads(path.read_text()) if path.exists() else {}
    return kept["checks"] if kept.get("run") == run.stamp() else {}


def warn_of(checks: dict[str, Any], findings: Iterable[Finding]) -> tuple[str, ...]:
    """A sentence for the card on every finding that a thumbnail tells as well as the network."""
    sentences = []
    for finding in findings:
        rates = checks.get(finding.name, {})
        if not rates or rates["margin over thumbnail and shape"]["value"] >= LEAST_MARGIN:
            continue
        alone, whole = rates["thumbnail and shape alone"], rates["whole film"]
        sentences.append(
            f"A thumbnail of {THUMBNAIL} x {THUMBNAIL} pixels and the film's shape tell "
            f"{finding.positive} from {finding.negative} as well (AUROC {alone['value']:.3f}, the "
            f"network {whole['value']:.3f}): the answer may rest on where a film comes from."
        )
    return tuple(sentences)


def _hide_border(films: np.ndarray) -> np.ndarray:
    width = round(BORDER * films.shape[-1])
    hidden = np.zeros_like(films)
    hidden[..., width:-width, width:-width] = films[..., width:-width, width:-width]
    return hidden


def _hide_corners(films: np.ndarray) -> np.ndarray:
    width, shown = round(CORNER * films.shape[-1]), films.copy()
    for rows in (slice(width), slice(-width, None)):
        for columns in (slice(width), slice(-width, None)):
            shown[..., rows, columns] = 0
    return shown


# Each takes and gives (N, 1, S, S) float32.
VIEWS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "whole film": lambda films: films,
    "chest hidden": lambda films: films * ~chest_mask(films.shape[-1]),
    "all but the chest hidden": lambda films: films * chest_mask(films.shape[-1]),
    "border hidden": _hide_border,
    "corners and markers hidden": _hide_corners,
    "mirrored": lambda films: np.ascontiguousarray(films[..., ::-1]),
}


def describe(films: np.ndarray) -> np.ndarray:
    """What a film tells at a glance: (N, 1, S, S) -> (N, 66) float64.

    The thumbnail, the mean detail of one pixel, and the ratio of detail along to across: films
    squashed from different shapes differ in the last two.
    """
    films = films[:, 0].astype(float)
    count, side = len(films), films.shape[-1] // THUMBNAIL
    cut = films[:, : side * THUMBNAIL, : side * THUMBNAIL]
    cells = cut.reshape(count, THUMBNAIL, side, THUMBNAIL, side).mean((2, 4)).reshape(count, -1)
    across = np.abs(np.diff(films, axis=2)).mean((1, 2))
    along = np.abs(np.diff(films, axis=1)).mean((1, 2))
    return np.column_stack([cells, along + across, across / np.maximum(along, 1e-6)])


def fit_baseline(known: np.ndarray, labels: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Logistic regression on descriptions: (N, 66) and labels (N,) with NaN -> logits of `seen`."""
    defined = ~np.isnan(labels)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    model.fit(known[defined], labels[defined] == 1)
    return model.decision_function(seen)


def heat_shares(run: Run, films: np.ndarray) -> np.ndarray:
    """(N, K) share of each heat map that lies inside the chest box; NaN where it is empty."""
    shares = []
    for start in range(0, len(films), BATCH):
        for feature_map in encode(run, films[start : start + BATCH]).feature_maps:
            shares.append(heat_in_chest(grad_cams(run, feature_map), run.preprocessing))
    return np.stack(shares)


def _load(run: Run, rows: pd.DataFrame, root: Path) -> np.ndarray:
    return data.load_films(rows, root, run.preprocessing).astype(np.float32) / 255


def _score(run: Run, films: np.ndarray) -> np.ndarray:
    starts = range(0, len(films), BATCH)
    return np.concatenate([encode(run, films[start : start + BATCH]).logits for start in starts])
