"""Numbers and pictures -> one HTML page that needs no network."""

from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from cxrapp.figures import cohort_charts as charts
from cxrapp.model.card import Calibration, Cohort
from cxrapp.model.chain import class_names
from cxrapp.statistics.bootstrap import Rate
from train.evaluate import Run
from train.measure import Evaluation
from train.report.checklist import ITEMS
from train.report.numbers import Numbers
from train.report.pictures import sample_films, worst_films


def render(run: Run, evaluation: Evaluation, numbers: Numbers, root: Path) -> str:
    """The page as text: figures by Plotly, whose script it carries."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        # Names of files and words of recipes are text and no markup, whatever they hold.
        autoescape=True,
        # A value that is missing ends the report; left blank, nobody would see that it is.
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["rate"] = _in_words
    has_groups = bool(numbers["groups"])
    # Parts that were not measured are not on the page, and no guideline's item may point there.
    missing = {"groups"} if not has_groups else set()
    missing |= {"shortcuts"} if not numbers["shortcuts"] else set()
    return environment.get_template("template.html").render(
        run=run,
        recipe=run.recipe,
        numbers=numbers,
        versions=run.versions,
        # Some 5 MB of script, once a page, so that it opens without a network.
        plotly=get_plotlyjs(),
        learning=_embed(charts.learning_figure(numbers["history"])),
        figures={
            name: _draw_cohort(run, evaluation, cohort, numbers["cohorts"][name])
            for name, cohort in evaluation.cohorts.items()
        },
        samples=sample_films(run, root),
        worst=worst_films(run, evaluation, root),
        # The cohort that `worst_films` takes them from.
        worst_of=list(evaluation.cohorts)[-1],
        has_groups=has_groups,
        items=[
            # Else it would say yes of a run that cannot show it.
            item._replace(answer="no", sentence="Not measured in this run.", where="")
            if item.where in missing
            else item
            for item in ITEMS
        ],
    )


def _draw_cohort(
    run: Run, evaluation: Evaluation, cohort: Cohort, measured: Numbers
) -> dict[str, dict[str, str]]:
    """Finding -> title -> figure; and under `classes` the confusion matrix of the whole reading."""
    figures = {}
    for k, finding in enumerate(run.recipe.findings):
        # Of films of one answer only there is no curve to draw.
        if finding.name not in measured["findings"]:
            continue
        scores = cohort.scores(k, evaluation.calibrations[k])
        # Drawn beside the calibrated scores, so that both can be seen: what the network said, and
        # what the card makes of it.
        uncalibrated = cohort.scores(k, Calibration(1, 0)).probabilities
        names = (finding.negative, finding.positive)
        threshold = next(iter(evaluation.operating_points[k].values()))
        drawn = charts.draw_finding(scores, uncalibrated, names, threshold)
        figures[finding.name] = {title: _embed(figure) for title, figure in drawn.items()}
    # Not there where a recipe asks one question, or no film has every label.
    if "classes" in measured:
        matrix = np.array(measured["classes"]["confusion"])
        names = class_names(run.recipe.findings)
        figures["classes"] = {"Films": _embed(charts.confusion_figure(matrix, names))}
    return figures


def _embed(figure: go.Figure) -> str:
    # The reader's own font: the app's is not in the page, and nothing may be fetched.
    figure.update_layout(font={"family": "system-ui, sans-serif"})
    return figure.to_html(
        full_html=False,
        # The page has it already.
        include_plotlyjs=False,
        # Without Plotly's tools over each figure: a report is read and printed.
        config={"displayModeBar": False, "responsive": True},
    )


def _in_words(rate: dict[str, Any] | None) -> str:
    if not rate or np.isnan(rate["value"]):
        # Not 0, and not blank: these films could not tell it.
        return "-"
    return str(Rate(**rate))
