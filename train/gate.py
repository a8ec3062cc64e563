"""How many films the gate would accept, warn of and refuse: each apart, by cohort and by source.

    python -m train gate RUN --data DIR [--test]

By the distance from the training films alone, which is what a run learns. In the clinic a film is
also judged by what its file says, and by its lungs where there is a lungs.pt.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from cxrapp.model.card import Gate
from cxrapp.statistics.bootstrap import share_rate
from cxrapp.words import rate_words
from train.evaluate import evaluate, load_run

LEVELS = ("accepted", "warned", "refused")  # with none, one and both of the limits passed


def count_levels(gate: Gate, distances: np.ndarray, patients: np.ndarray) -> dict[str, str | int]:
    """Films, and the share of each level with its 95 % interval by patient.

    Args:
        distances: (N,) float64.
        patients: (N,) of any names.
    """
    # 0, 1 or 2 limits lie below a film's distance; a distance on a limit does not pass it.
    level = np.searchsorted([gate.warn, gate.refuse], distances, side="left")
    # Never added up: a warned film still shows its result, a refused one does not.
    shares = {name: rate_words(share_rate(level == k, patients)) for k, name in enumerate(LEVELS)}
    return {"films": len(distances), "patients": len(np.unique(patients)), **shares}


def print_gate(folder: Path, root: Path, *, test: bool = False) -> None:
    """Print the table of a run.

    Args:
        test: Open the official test, which is counted.
    """
    # The limits are set on validation, whichever films are counted by them.
    run, evaluation = load_run(folder), evaluate(folder, root, test=test)
    rows = []
    for name, cohort in evaluation.cohorts.items():
        # In the table's order, which is that of the cohort's films.
        sources = run.table.loc[run.table["split"] == name, "source"].to_numpy()
        parts = {"all": np.ones(len(sources), bool)}
        parts |= {source: sources == source for source in sorted(set(sources))}
        # Of one source alone the same row would stand twice.
        for part, chosen in parts.items() if len(parts) > 2 else [("all", parts["all"])]:
            films = cohort.subset(chosen)
            counted = count_levels(evaluation.gate, films.distances, films.patients)
            rows.append({"cohort": name, "source": part, **counted})
    print(pd.DataFrame(rows).to_string(index=False))
