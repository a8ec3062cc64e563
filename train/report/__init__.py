"""One self-contained HTML page a run, and the same numbers as JSON.

    python -m train report RUN --data DIR

Writes RUN/report.html, which opens without a network, and RUN/report.json.
"""

from pathlib import Path

from cxrapp.runtime.files import to_json
from train.evaluate import evaluate, load_run
from train.files import write_atomically
from train.report.numbers import collect
from train.report.page import render


def write_report(folder: Path, root: Path) -> None:
    """Measure a run if that has not been done, and write its report."""
    # The test is in it where `evaluate` has opened it; a report is no reason to look once more.
    run, evaluation = load_run(folder), evaluate(folder, root)
    # Collected once for both files, so that page and JSON cannot disagree.
    numbers = collect(run, evaluation, folder, root)
    write_atomically(folder / "report.json", to_json(numbers))
    write_atomically(folder / "report.html", render(run, evaluation, numbers, root))
    print(folder / "report.html")
