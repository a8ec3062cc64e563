"""What a network knows without looking at the lungs.

    python -m train shortcuts RUN --data DIR

Scores films again with parts of each hidden, and fits baselines too coarse to see disease in: a
thumbnail of 8 x 8 pixels with what the squash to a square leaves of shape and sharpness, and the
grey levels alone. A network has shown that it needs the lungs by its margin over the thumbnail.
Validation films, and the test where the run has opened it. The lungs are those that `lungs.pt` of
the weights folder finds; without it they are neither hidden nor kept. Writes RUN/shortcuts.json.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from tqdm import tqdm

from cxrapp.model.bundle import WEIGHTS
from cxrapp.model.card import Finding
from cxrapp.model.lung_finder import FILE, load_lungs
from cxrapp.model.lungs import Lungs
from cxrapp.model.predict import BATCH, encode
from cxrapp.model.scores import Scores
from cxrapp.runtime.files import to_json
from cxrapp.statistics.bootstrap import Rate, mean_rate
from cxrapp.statistics.curves import auroc_difference, auroc_rate
from train import data
from train.evaluate import Run, load_run, read_openings
from train.files import write_atomically
from train.lung_evidence import share_films

# Where collimators and markers are, and lungs hardly.
BORDER, CORNER = 0.10, 0.25  # share of the side
THUMBNAIL = 8  # pixels
TONES = 32  # grey levels of a histogram
CHUNK = 512  # films described at a time: 100 MB as floats of 224 px


def measure_shortcuts(folder: Path, root: Path) -> None:
    """Write RUN/shortcuts.json: cohort -> finding -> check -> rate with its interval by patient."""
    run = load_run(folder)
    train = run.table[run.table["split"] == "train"]
    # Once for all cohorts and findings: for it every training film is decoded.
    known = _describe_all(run, train, root)
    # Not the way in which a closed test is first seen.
    opened = ("validation", "test") if read_openings(folder) else ("validation",)
    checks = {cohort: _measure_cohort(run, cohort, train, known, root) for cohort in opened}
    # With the stamp: after another epoch these are the numbers of a network that is gone.
    write_atomically(folder / "shortcuts.json", to_json({"run": run.stamp(), "checks": checks}))
    for cohort, findings in checks.items():
        for finding, rates in findings.items():
            for name, rate in rates.items():
                print(f"{cohort}, {finding}, {name}: {Rate(**rate)}")


def _measure_cohort(
    run: Run, cohort: str, train: pd.DataFrame, known: dict[str, np.ndarray], root: Path
) -> dict[str, dict[str, Any]]:
    """Finding -> check -> rate on the films of one cohort."""
    rows = run.table[run.table["split"] == cohort]
    films = _load(run, rows, root)
    # The clinic's own, so that here and in the viewer the lungs are the same.
    finder = load_lungs(WEIGHTS / FILE)
    # Without it the borders, the corners and both baselines can still be asked.
    lungs = finder and [one for film in films for one in finder.find(film)]
    # One view at a time: kept side by side, all of them would be four times the films.
    logits = {name: _score(run, hide(films)) for name, hide in tqdm(VIEWS.items(), disable=None)}
    logits |= {name: _score(run, view) for name, view in hide_lungs(films, lungs or []).items()}
    shares = share_films(run, films, lungs) if lungs else None
    checks: dict[str, dict[str, Any]] = {}
    for k, finding in enumerate(run.recipe.findings):
        defined = rows[finding.name].notna().to_numpy()
        labels = rows.loc[defined, finding.name].to_numpy() == 1
        patients = pd.factorize(rows.loc[defined, "patient"])[0]
        # Logits in the place of probabilities: an area asks for their order alone.
        whole = Scores(labels, logits["whole film"][defined, k], patients)
        rates = {name: auroc_rate(whole.by(values[defined, k])) for name, values in logits.items()}
        for name, describe in BASELINES.items():
            learned = train[finding.name].to_numpy(float)
            # Fitted to the films that the network learned from and asked of those it is asked of:
            # neither makes a margin.
            baseline = whole.by(fit_baseline(known[name], learned, describe(films[defined])))
            rates[f"{name} alone"] = auroc_rate(baseline)
            # Resampled in pairs: films that are hard for both are no part of the difference.
            rates[f"margin over {name}"] = auroc_difference(whole, baseline)
        # Of films with it: on others a map has little to share out.
        if shares is not None:
            heat, shuffled = shares.heat[defined, k], shares.by_chance[defined, :, k]
            # A map without any heat has no share of it in the lungs.
            lit = labels & np.isfinite(heat) & np.isfinite(shuffled).any(1)
            if lit.any():
                rates["heat in the lungs, of films with it"] = mean_rate(heat[lit], patients[lit])
                chance = np.nanmean(shuffled[lit], 1)  # over the shuffles
                rates["the same by chance"] = mean_rate(chance, patients[lit])
        checks[finding.name] = {name: asdict(rate) for name, rate in rates.items()}
    return checks


def read_shortcuts(run: Run, folder: Path) -> dict[str, Any]:
    """What `measure_shortcuts` wrote; empty if it was not run on these weights."""
    path = folder / "shortcuts.json"
    kept = json.loads(path.read_text()) if path.exists() else {}
    # Of other weights nothing is known, and a card then says nothing.
    return kept["checks"] if kept.get("run") == run.stamp() else {}


def warn_of(checks: dict[str, Any], findings: Iterable[Finding]) -> tuple[str, ...]:
    """A sentence for the card on every finding: how well a thumbnail and the shape alone tell it.

    On the last cohort that was measured; but where the interval of the network's margin over them
    reaches 0, on the first that shows it, and the sentence says what may follow.
    """
    sentences = []
    for finding in findings:
        name = finding.name
        measured = {cohort: found[name] for cohort, found in checks.items() if found.get(name)}
        # They may not have been measured on these weights: then nothing is claimed.
        if not measured:
            continue
        margin = f"margin over {THUMBNAIL_NAME}"
        # Down to 0 the network may know nothing that the thumbnail does not.
        doubted = [cohort for cohort, rates in measured.items() if rates[margin]["low"] <= 0]
        cohort = doubted[0] if doubted else list(measured)[-1]
        rates = measured[cohort]
        alone, whole = rates[f"{THUMBNAIL_NAME} alone"], rates["whole film"]
        sentence = (
            f"A thumbnail of {THUMBNAIL} x {THUMBNAIL} pixels and the film's shape alone tell "
            f"{finding.positive} from {finding.negative} with an AUROC of {alone['value']:.3f} on "
            f"{cohort} films (the network {whole['value']:.3f})"
        )
        doubt = ": the answer may rest on where a film comes from" if doubted else ""
        sentences.append(f"{sentence}{doubt}.")
    return tuple(sentences)


def _hide_border(films: np.ndarray) -> np.ndarray:
    # Black, as training shows borders too: a network that knows them loses nothing to the hiding
    # itself.
    width = round(BORDER * films.shape[-1])
    hidden = np.zeros_like(films)
    hidden[..., width:-width, width:-width] = films[..., width:-width, width:-width]
    return hidden


def _hide_corners(films: np.ndarray) -> np.ndarray:
    # Letters and markers lie there. The four squares are a quarter of the film.
    width, shown = round(CORNER * films.shape[-1]), films.copy()
    for rows in (slice(width), slice(-width, None)):
        for columns in (slice(width), slice(-width, None)):
            shown[..., rows, columns] = 0
    return shown


# Each takes and gives (N, 1, S, S) float32.
VIEWS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "whole film": lambda films: films,
    "border hidden": _hide_border,
    "corners and markers hidden": _hide_corners,
    # Training mirrors every second film: what is lost here was learned from the side all the same.
    "mirrored": lambda films: np.ascontiguousarray(films[..., ::-1]),
}


def describe_thumbnails(films: np.ndarray) -> np.ndarray:
    """What films tell at a glance: (N, 1, S, S) -> (N, 66) float64.

    The thumbnail, the mean detail of one pixel, and the ratio of detail across to along: films
    squashed from different shapes differ in the last two.
    """
    films = films[:, 0].astype(float)
    count, side = len(films), films.shape[-1] // THUMBNAIL
    # Cells of one size: what the side has beyond a multiple of 8 falls off.
    cut = films[:, : side * THUMBNAIL, : side * THUMBNAIL]
    cells = cut.reshape(count, THUMBNAIL, side, THUMBNAIL, side).mean((2, 4)).reshape(count, -1)
    # Detail, in grey levels a pixel: a film that was squashed more in width has more of it across.
    across = np.abs(np.diff(films, axis=2)).mean((1, 2))
    along = np.abs(np.diff(films, axis=1)).mean((1, 2))
    # A film of one grey has no detail to divide by.
    return np.column_stack([cells, along + across, across / np.maximum(along, 1e-6)])


def describe_tones(films: np.ndarray) -> np.ndarray:
    """Grey levels without their places: (N, 1, S, S) -> (N, 32) shares of each level."""
    # Full white, 1.0, would else be a level of its own, the 33rd.
    levels = np.minimum((films.reshape(len(films), -1) * TONES).astype(int), TONES - 1)
    return np.stack([np.bincount(film, minlength=TONES) for film in levels]) / levels.shape[1]


THUMBNAIL_NAME = "thumbnail and shape"
BASELINES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    THUMBNAIL_NAME: describe_thumbnails,
    "grey levels": describe_tones,
}


def fit_baseline(known: np.ndarray, labels: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """A support vector machine and extremely randomised trees, their ranks added.

    Together they tell more from such descriptions than either, and far more than a line would: a
    margin over a weak baseline shows nothing.

    Args:
        known: (N, D) of the training films, with labels (N,), NaN where undefined.
        seen: (M, D).

    Returns:
        (M,) float64, higher means more likely.
    """
    defined = ~np.isnan(labels)
    truth = labels[defined] == 1
    # Scaled first: the kernel adds up distances, and greys, detail and ratio have scales of their
    # own.
    # Balanced, as the network's own loss is: without, rare answers would hardly be learned.
    machine = make_pipeline(StandardScaler(), SVC(C=3, class_weight="balanced"))
    # From one seed: measured again, a margin must be the one that the card has.
    trees = ExtraTreesClassifier(
        400, min_samples_leaf=2, class_weight="balanced", n_jobs=-1, random_state=0
    )
    by_machine = machine.fit(known[defined], truth).decision_function(seen)
    by_trees = trees.fit(known[defined], truth).predict_proba(seen)[:, 1]
    # Ranks, as distances from a boundary and shares of trees have no scale in common.
    return rankdata(by_machine) + rankdata(by_trees)


def hide_lungs(films: np.ndarray, lungs: Sequence[Lungs]) -> dict[str, np.ndarray]:
    """Films (N, 1, S, S) without their lungs, and with nothing else; empty where none are known."""
    if not lungs:
        return {}
    inside = np.stack([one.union(films.shape[2:]) for one in lungs])[:, None]  # (N, 1, S, S) bool
    return {"lungs hidden": films * ~inside, "all but the lungs hidden": films * inside}


def _describe_all(run: Run, rows: pd.DataFrame, root: Path) -> dict[str, np.ndarray]:
    """Baseline -> (N, D), some films at a time: ten thousand in floats would fill the memory."""
    parts = [rows.iloc[start : start + CHUNK] for start in range(0, len(rows), CHUNK)]
    films = (_load(run, part, root) for part in parts)
    told = [{name: describe(some) for name, describe in BASELINES.items()} for some in films]
    return {name: np.concatenate([one[name] for one in told]) for name in BASELINES}


def _load(run: Run, rows: pd.DataFrame, root: Path) -> np.ndarray:
    # By way of the bytes that `train.data` keeps, so that no film is decoded twice in a command.
    return data.load_films(rows, root, run.preprocessing).astype(np.float32) / 255


def _score(run: Run, films: np.ndarray) -> np.ndarray:
    # In batches: the first layers alone put out some 3 MB a film.
    starts = range(0, len(films), BATCH)
    return np.concatenate([encode(run, films[start : start + BATCH]).logits for start in starts])
