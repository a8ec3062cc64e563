"""About the model: for whom it is, what it was measured on, what it cannot do."""

from pathlib import Path

import numpy as np
import streamlit as st

from cxrapp.figures.cohort_charts import draw_finding, learning_figure, roc_figure
from cxrapp.model.bundle import load_bundle
from cxrapp.model.card import Calibration, ModelCard
from cxrapp.model.card_schema import Measured, Measures, Training
from cxrapp.model.gate import UNCHECKED
from cxrapp.model.lung_finder import FILE
from cxrapp.model.script import has_bfloat16, time_film
from cxrapp.panels.feature_maps import show_layers
from cxrapp.panels.lungs import show_lungs
from cxrapp.panels.sanity import sample_film, show_sanity
from cxrapp.panels.widgets import show_figure
from cxrapp.runtime.network_queue import NETWORK
from cxrapp.server.bundles import bundle_path, choose_bundle
from cxrapp.server.sessions import current_session
from cxrapp.session.first_reads import is_blinded
from cxrapp.statistics.bootstrap import Rate
from cxrapp.statistics.curves import roc
from cxrapp.statistics.operating_point import operating_point
from cxrapp.words import threshold_words

MEASURES = {
    "auroc": "AUROC",
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "precision": "Precision (PPV)",
    "accuracy": "Accuracy",
    "f1": "F1",
    "in_the_large": "Calibration in the large (log-odds; 0 is true)",
    "slope": "Calibration slope (1 is true)",
    "calibration_error": "Calibration error",
}
TOGETHER = {"accuracy": "All findings right", "accepted": "Accepted without a warning"}
IN_SAMPLE = {
    "validation": "Calibration and threshold were fitted on these very films, so their calibration "
    "here is better than on others: see the test."
}
GROUP_MEASURES = ("auroc", "sensitivity", "specificity")


def show() -> None:
    """The page."""
    bundle = choose_bundle()
    card = bundle.card
    st.markdown(f"#### The {card.name} model")
    _show_use(card)
    st.caption(_speed(card.sha256, bundle_path(bundle)))
    st.markdown("##### What was measured")
    for cohort in card.cohorts:
        _show_cohort(card, cohort)
        if st.toggle("Precision, calibration and net benefit", key=f"curves {cohort}"):
            _show_curves(card, cohort)
    _show_groups(card)
    _show_shortcuts(card)
    show_lungs(bundle.lungs, bundle_path(bundle).with_name(FILE))
    show_sanity(card, bundle_path(bundle))
    here = current_session()
    film = here.worklist.films.get(here.current or "")
    if film is None or is_blinded(here, film):
        show_layers(bundle, sample_film(), "a sample film")
    else:
        show_layers(bundle, film.unpack(), "the open film")
    _show_training(card)


def _show_use(card: ModelCard) -> None:
    use, misuse, limits = st.columns(3)
    with use.container(border=True, height="stretch"):
        st.markdown(f"**Meant for**\n\n{card.intended_use}")
        questions = [
            f"- {f.positive} or {f.negative}" + (f", asked only with {f.given}" if f.given else "")
            for f in card.findings
        ]
        st.markdown("**Questions it answers**\n\n" + "\n".join(questions))
    with misuse.container(border=True, height="stretch"):
        st.markdown("**Not meant for**\n\n" + _bullets(card.out_of_scope))
    with limits.container(border=True, height="stretch"):
        st.markdown("**Known limits**\n\n" + _bullets((*card.limits, UNCHECKED)))


@st.cache_resource(show_spinner="Measuring how fast it is here", max_entries=8)
def _speed(sha256: str, path: Path) -> str:
    """What this machine computes a bundle in, why, and how long a film takes, once a process.

    Args:
        sha256: Of the model file: another file is measured anew.
    """
    used = load_bundle(path)
    side = used.card.preprocessing.size
    parity = used.card.training["weights"].get("bfloat16")
    with NETWORK.turn():
        milliseconds = 1000 * time_film(used.backbone, side)
        if used.backbone.bfloat16:
            exact = 1000 * time_film(load_bundle(path, bfloat16=False).backbone, side)
    if used.card.is_int8:
        words = "in eight bits"
    elif used.backbone.bfloat16:
        words = f"in bfloat16, as this processor has it; float32 would take {exact:.0f} ms"
    elif not has_bfloat16():
        words = "in float32, as this processor has neither AMX nor AVX512-BF16"
    else:
        words = "in float32: this processor has bfloat16, but the card does not allow it"
    agreement = ""
    if parity and not used.card.is_int8:
        at_most = np.ceil(1000 * parity["probability"]) / 1000  # a bound is rounded up
        agreement = (
            f" In bfloat16, {parity['decisions']} of {parity['films']:,} films are decided "
            f"otherwise than in float32, and no probability differs by more than {at_most:.3f}."
        )
    return f"On this machine one film takes the network {milliseconds:.0f} ms, {words}.{agreement}"


def _bullets(lines: tuple[str, ...]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _show_cohort(card: ModelCard, cohort: str) -> None:
    st.markdown(f"**{cohort.capitalize()}**: {card.cohorts[cohort].description}")
    table, *figures = st.columns([1.5] + [1] * len(card.findings))
    rows: dict[str, list[str]] = {"Measure": list(MEASURES.values())}
    for finding, figure in zip(card.findings, figures, strict=True):
        metrics = card.metrics[cohort][finding.name]
        films = metrics["auroc"]["n"]
        scores = card.scores(cohort, finding.name)
        heading = (
            f"{finding.positive.capitalize()} at {threshold_words(metrics['threshold'])}, {films} "
            f"films, {100 * scores.labels.mean():.0f} of 100 with it"
        )
        rows[heading] = [
            str(Rate(**metrics[key])) + _expected(metrics, key)
            if key in metrics
            else "not measured"
            for key in MEASURES
        ]
        point = operating_point(scores, metrics["threshold"])
        drawn = roc_figure(roc(scores), point)
        drawn.update_layout(title_text=finding.positive.capitalize())
        with figure:
            show_figure(drawn, f"{cohort} {finding.name}")
    table.table(rows, hide_index=True)
    together = card.metrics[cohort]["all findings"]
    table.markdown(
        " ".join(
            f"{title}: **{Rate(**together[name])}**."
            for name, title in TOGETHER.items()
            if name in together
        )
    )
    table.caption(
        "Value and 95 % interval by patient, at the default threshold, which was chosen on "
        "validation films. A finding is measured on the films where its question is defined. "
        "Precision, accuracy and F1 hold where as many of 100 films have it as in the heading. "
        + IN_SAMPLE.get(cohort, "")
    )


def _expected(metrics: Measures, key: str) -> str:
    """What chance alone would show, beside the one measure that is never 0 of itself."""
    if key != "calibration_error" or "error_if_calibrated" not in metrics:
        return ""
    return f", {metrics['error_if_calibrated']:.3f} if every probability were true"


def _show_curves(card: ModelCard, cohort: str) -> None:
    """What does not hang on one threshold; on demand, for its bands take a second."""
    for k, finding in enumerate(card.findings):
        logits = card.cohorts[cohort].logits[~np.isnan(card.cohorts[cohort].labels[:, k]), k]
        figures = draw_finding(
            card.scores(cohort, finding.name),
            Calibration(1, 0).probability(logits),
            (finding.negative, finding.positive),
            card.metrics[cohort][finding.name]["threshold"],
        )
        st.markdown(f"**{finding.positive.capitalize()} or {finding.negative}**")
        columns = st.columns(len(figures) // 2) * 2
        for (title, figure), column in zip(figures.items(), columns, strict=True):
            with column:
                st.caption(title)
                show_figure(figure, f"{cohort} {finding.name} {title}")


def _show_groups(card: ModelCard) -> None:
    """Films apart by source, view and machine: one group can hide in the mean of all."""
    rows = [
        {
            "Films of": group.replace("source ", "from "),
            "Finding": card.findings[card.index(finding)].positive,
            **{MEASURES[key]: _count_rate(measured.get(key)) for key in GROUP_MEASURES},
        }
        for group, findings in card.groups.items()
        for finding, measured in findings.items()
        if finding != "all findings"
    ]
    if rows:
        st.markdown("##### In parts")
        st.dataframe(rows, hide_index=True)
        st.caption(
            "A machine is a group of films that look alike in tone, detail, borders and burned-in "
            "letters; nobody wrote down which machine made a film. Sensitivity counts the films "
            "with the finding, specificity those without, which may be few."
        )


def _count_rate(measured: Measured | None) -> str:
    return f"{Rate(**measured)}, {measured['n']} films" if measured else "no such films"


def _show_shortcuts(card: ModelCard) -> None:
    if not card.shortcuts:
        return
    st.markdown("##### What it knows without the lungs")
    columns = {
        f"{finding.positive.capitalize()}, {cohort}": findings[finding.name]
        for cohort, findings in card.shortcuts.items()
        for finding in card.findings
    }
    checks = list(dict.fromkeys(check for rates in columns.values() for check in rates))
    rows: dict[str, list[str]] = {"Check": checks}
    for heading, rates in columns.items():
        rows[heading] = [
            str(Rate(**rates[check])) if check in rates else "not measured" for check in checks
        ]
    st.table(rows, hide_index=True)
    st.caption(
        "AUROC with parts of each film hidden; 0.5 is chance. Thumbnail and shape: plain models of "
        "8 x 8 pixels, sharpness and what is left of the film's shape; grey levels: a histogram. "
        "The lungs are those that lungs.pt finds; the chest, on older cards, is a fixed box."
    )


def _mislabelled_words(calibration: Calibration) -> str:
    if not any(calibration.mislabelled):
        return ""
    absent, present = (f"{100 * share:.0f} %" for share in calibration.mislabelled)
    return (
        f", where an estimated {absent} of the films without it are labelled as having it and "
        f"{present} of those with it as not having it"
    )


def _count_openings(training: Training) -> list[str]:
    """How often the official test was looked at; older cards do not say."""
    if "test openings" not in training:
        return []
    count = training["test openings"]
    return [f"Official test scored {count} {'time' if count == 1 else 'times'}"]


def _show_training(card: ModelCard) -> None:
    st.markdown("##### How it was made")
    facts, curve = st.columns(2)
    training = card.training
    films = ", ".join(
        f"{count:,} {split} films of {training['patients'][split]:,} patients"
        for split, count in training["films"].items()
    )
    recipe = training["recipe"]
    side = card.preprocessing.size
    lines = [
        f"{recipe.get('backbone', 'backbone not named')}, {recipe['init']} initial weights, "
        f"input {side} x {side} pixels",
        films,
        f"Epoch {training['best epoch']} of {len(training['history']['epoch'])}; "
        f"seed {recipe['seed']}",
        *_count_openings(training),
        f"Weights stored as {training['weights']['stored as']}",
        ", ".join(f"{name} {version}" for name, version in training["versions"].items()),
        f"Model file SHA-256 `{card.sha256}`",
        f"Films and split SHA-256 `{training['data sha256']}`",
    ]
    facts.markdown(_bullets(tuple(lines)))
    for finding, calibration, points in zip(
        card.findings, card.calibrations, card.operating_points, strict=True
    ):
        named = "; ".join(
            f"{name} {threshold_words(threshold)}" for name, threshold in points.items()
        )
        facts.markdown(
            f"- {finding.positive.capitalize()}: probability = sigmoid({calibration.slope:.2f} x "
            f"logit {calibration.intercept:+.2f}), fitted on validation"
            + _mislabelled_words(calibration)
            + f". Thresholds: {named}."
        )
    with curve:
        show_figure(learning_figure(training["history"]), "history")
