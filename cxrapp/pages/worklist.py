"""The worklist: all films of the session, the most urgent first."""

import io

import streamlit as st

from cxrapp.card import ModelCard
from cxrapp.decision import decide
from cxrapp.pages.films import Film
from cxrapp.radiograph import Rejection
from cxrapp.report import film_rows, rejection_rows, table_writer


def show_worklist(
    card: ModelCard,
    films: list[Film],
    rejections: list[Rejection],
    thresholds: dict[str, float],
) -> Film:
    """All films, the most urgent first; returns the one selected."""
    decided = [(film, decide(card, film.prediction.probabilities, thresholds)) for film in films]
    # By the first finding's probability, so the threshold cuts the list without reordering it;
    # films without a result to show come last.
    decided.sort(key=lambda pair: (pair[0].withheld, -pair[1][0].probability))
    columns: dict[str, list] = {
        "film": [film.name for film, _ in decided],
        "check": [_check(film) for film, _ in decided],
    }
    for k, finding in enumerate(card.findings):
        columns[finding.positive] = [
            # No network is certain: the ends of the scale are never shown.
            None if film.withheld else min(max(100 * decisions[k].probability, 0.1), 99.9)
            for film, decisions in decided
        ]
        columns[f"{finding.positive}?"] = [
            "withheld" if film.withheld else decisions[k].outcome for film, decisions in decided
        ]
    shown = [decisions for film, decisions in decided if not film.withheld]
    positives = sum(decisions[0].outcome == "positive" for decisions in shown)
    withheld = len(films) - len(shown)
    head, save = st.columns([4, 1], vertical_alignment="center")
    head.markdown(
        f"**Worklist**: {len(films)} films, **{positives} positive** for "
        f"{card.findings[0].positive}"
        + (f", **{withheld} refused**" if withheld else "")
        + ", most urgent first. Select a row to open it."
    )
    save.download_button(
        "Download table",
        _to_csv(card, [film for film, _ in decided], rejections, thresholds),
        "worklist.csv",
        "text/csv",
        width="stretch",
    )
    event = st.dataframe(
        columns,
        key=f"worklist {len(films)}",  # other films, another selection
        height=min(36 + 35 * len(films), 246),
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row-required",
        column_config={
            "film": st.column_config.TextColumn(width="medium"),
            "check": st.column_config.TextColumn(width="small"),
            **{
                finding.positive: st.column_config.ProgressColumn(
                    f"P({finding.positive})", min_value=0, max_value=100, format="%.1f %%"
                )
                for finding in card.findings
            },
        },
    )
    rows = event["selection"]["rows"]
    return decided[rows[0] if rows and rows[0] < len(decided) else 0][0]


def _check(film: Film) -> str:
    if film.overruled:
        return "overruled"
    return {"accept": "as expected", "warn": "unusual", "refuse": "refused"}[film.verdict.outcome]


def _to_csv(
    card: ModelCard,
    films: list[Film],
    rejections: list[Rejection],
    thresholds: dict[str, float],
) -> str:
    file = io.StringIO()
    writer = table_writer(file)
    for film in films:
        writer.writerows(
            film_rows(
                card,
                film.name,
                film.prediction,
                film.verdict,
                thresholds,
                overruled=film.overruled,
            )
        )
    for rejection in rejections:
        writer.writerows(rejection_rows(card, rejection, thresholds))
    return file.getvalue()
