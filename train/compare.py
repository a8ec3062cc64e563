"""Runs side by side on the validation films they share, or on the test where asked.

    python -m train compare RUN RUN ... --out FOLDER --data DIR [--test]

The first run is what the others are held against: differences with intervals from a bootstrap that
draws the same patients for both, and for AUROC a test by DeLong. Writes FOLDER/compare.csv and
FOLDER/compare.html.
"""

from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots
from scipy.stats import norm, rankdata

from cxrapp.figures.charts import dress
from cxrapp.model.scores import Scores
from cxrapp.statistics.bootstrap import mean_rate
from cxrapp.statistics.curves import auroc_difference, auroc_rate, roc
from cxrapp.statistics.operating_point import operating_point
from train.evaluate import evaluate, load_run
from train.files import write_atomically

# Of eight runs; the ninth has the first one's again.
COLOURS = ("#0f766e", "#c2410c", "#4338ca", "#a16207", "#be185d", "#475569", "#15803d", "#0369a1")


@dataclass(frozen=True)
class Sitting:
    """One run's answers to one finding on the shared films.

    Args:
        scores: By the run's own calibration; films, labels and patients are the same for all.
        threshold: Its default.
    """

    run: str
    scores: Scores
    threshold: float

    def right(self) -> np.ndarray:
        """(N,) bool: films called what they are."""
        # A score on the threshold is called positive, as in the clinic.
        return (self.scores.probabilities >= self.threshold) == self.scores.labels


def compare(folders: list[Path], root: Path, out: Path, *, test: bool = False) -> None:
    """Write the table and the figure.

    Args:
        test: Open the official test, which is counted in every run.

    Raises:
        ValueError: The runs share no finding or no films.
    """
    sittings = _sit(folders, root, test)
    rows = [row for name, answers in sittings.items() for row in _compare_finding(name, answers)]
    table = pd.DataFrame(rows)
    out.mkdir(parents=True, exist_ok=True)
    write_atomically(out / "compare.csv", table.to_csv(index=False))
    # With Plotly's 5 MB inside, so that it opens without a network.
    write_atomically(out / "compare.html", draw(sittings).to_html(include_plotlyjs=True))
    print(table.to_string(index=False))


def _sit(folders: list[Path], root: Path, test: bool) -> dict[str, list[Sitting]]:
    """Finding -> the answers of every run, film by film the same."""
    # Measured first where that was not done: the tables below are read from what it writes.
    runs = [(load_run(folder), evaluate(folder, root, test=test)) for folder in folders]
    cohort = "test" if test else "validation"
    # By path, which an evaluation's cohorts do not have: films are matched by it.
    tables = [pd.read_csv(folder / "scores.csv", index_col="path") for folder in folders]
    tables = [table[table["split"] == cohort] for table in tables]
    # Recipes may differ in blocks and sources: a film counts only where it is set apart in all.
    shared = set.intersection(*(set(table.index) for table in tables))
    # In the first run's order, and only what all were asked.
    findings = [f.name for f in runs[0][0].recipe.findings]
    for run, _ in runs[1:]:
        findings = [name for name in findings if name in {f.name for f in run.recipe.findings}]
    # The same films in the same order, or a difference would be one between films.
    order = [path for path in tables[0].index if path in shared]
    sittings: dict[str, list[Sitting]] = {}
    for name in findings:
        for folder, (run, evaluation), table in zip(folders, runs, tables, strict=True):
            films = table.loc[order]
            films = films[films[name].notna()]
            if films[name].nunique() < 2:
                continue  # nothing to tell apart
            k = [f.name for f in run.recipe.findings].index(name)
            scores = Scores(
                films[name].to_numpy() == 1,
                films[f"{name}_probability"].to_numpy(float),
                films["patient"].to_numpy(),
            )
            # Each at its own, as it would ship: one for all would compare how they are calibrated.
            threshold = next(iter(evaluation.operating_points[k].values()))
            sitting = Sitting(str(folder), scores, threshold)
            sittings.setdefault(name, []).append(sitting)
    if not sittings:
        raise ValueError(f"These runs share no finding with {cohort} films of both kinds.")
    return sittings


def _compare_finding(finding: str, sittings: list[Sitting]) -> list[dict[str, str]]:
    first, rows = sittings[0], []
    for sitting in sittings:
        scores, others = sitting.scores, first.scores
        point = operating_point(scores, sitting.threshold)
        # As words, so that no value is copied without its interval; whoever wants to go on from
        # numbers has each run's scores.csv.
        row = {
            "finding": finding,
            "run": sitting.run,
            "films": str(len(scores.labels)),
            "AUROC": str(auroc_rate(scores)),
            "sensitivity": str(point.sensitivity),
            "specificity": str(point.specificity),
            "accuracy": str(point.accuracy),
        }
        # Against itself the first would differ by 0, with a p of 1.
        if sitting is not first:
            p = delong(scores, others)
            # 1 where this run alone is right, -1 where the first alone is.
            gained = sitting.right().astype(float) - first.right()
            row |= {
                # Resampled in pairs: intervals of the two areas may well overlap where this one is
                # clear of 0.
                "AUROC difference": str(auroc_difference(scores, others)),
                "DeLong p": "cannot be told" if p is None else f"{p:.3g}",
                "accuracy difference": str(mean_rate(gained, scores.patients)),
            }
        rows.append(row)
    return rows


def delong(scores: Scores, others: Scores) -> float | None:
    """P-value of two AUROCs on the same films being one (DeLong et al., 1988).

    By ranks, as Sun and Xu (2014) do. It takes films for independent, which films of one patient
    are not: the interval by patient counts where they disagree.

    Returns:
        None where there is a single film of either kind, which has no variance.
    """
    labels = scores.labels
    if min(labels.sum(), (~labels).sum()) < 2:
        # NumPy's variance of a single film is NaN, which would stand in the table as if measured.
        return None
    ill, well = [], []
    # Of each ill film the share of well ones that it outranks, and of each well film the share of
    # ill ones that outrank it; ties count half, by their mean rank.
    for values in (scores.probabilities, others.probabilities):
        positive, negative = values[labels], values[~labels]
        ranks = rankdata(np.concatenate([positive, negative]))
        among = rankdata(positive), rankdata(negative)
        ill.append((ranks[: len(positive)] - among[0]) / len(negative))
        well.append(1 - (ranks[len(positive) :] - among[1]) / len(positive))
    difference = np.mean(ill[0]) - np.mean(ill[1])  # each mean is an AUROC
    contrast = np.array([1, -1])
    # Of a difference: both variances less twice what the two runs have in common.
    variance = sum(contrast @ np.cov(part) @ contrast / len(part[0]) for part in (ill, well))
    # Films in the same order, or both runs without a mistake: nothing to divide by.
    if variance <= 0:
        return float(difference == 0)
    # Two-sided, as either run may be the better one.
    return float(2 * norm.sf(abs(difference) / np.sqrt(variance)))


def draw(sittings: dict[str, list[Sitting]]) -> go.Figure:
    """The ROC curves of all runs, one part a finding, a dot where each run's threshold is."""
    figure = make_subplots(cols=len(sittings), subplot_titles=list(sittings))
    for column, answers in enumerate(sittings.values(), start=1):
        for colour, sitting in zip(cycle(COLOURS), answers, strict=False):
            curve = roc(sitting.scores)
            # The last point of the curve that is no more lenient than the threshold: the same films
            # are called there, so that is where the dot belongs.
            at = np.searchsorted(-curve.thresholds, -sitting.threshold, side="right") - 1
            # A trace each for line and dot; one entry of the legend shows and hides both.
            for part, mode in ((slice(None), "lines"), (slice(at, at + 1), "markers")):
                figure.add_scatter(
                    x=100 * (1 - curve.specificity[part]),
                    y=100 * curve.sensitivity[part],
                    mode=mode,
                    name=sitting.run,
                    legendgroup=sitting.run,
                    showlegend=column == 1 and mode == "lines",  # once a run
                    line={"color": colour, "shape": "hv"},  # steps from score to score
                    marker={"color": colour, "size": 11},  # pixels
                    row=1,
                    col=column,
                )
    figure.update_xaxes(title="wrongly flagged (1 - specificity), %")
    figure.update_yaxes(title="found (sensitivity), %")
    # Before `dress`, which shows a legend only where one has been given a place.
    figure.update_layout(legend={"orientation": "h", "y": -0.18})
    return dress(figure, 560, margin={"l": 56, "r": 16, "t": 40, "b": 60})
