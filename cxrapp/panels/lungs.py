"""How well the lungs are found, what is refused for want of them, and twenty films as examples."""

from pathlib import Path

import streamlit as st

from cxrapp.errors import InvalidBundle
from cxrapp.model.lung_finder import MISSING, LungFinder, read_sheet
from cxrapp.statistics.bootstrap import Rate
from cxrapp.words import capitalised

SAID = {"accept": "Accepted.", "warn": ":orange[Warned of.]", "refuse": ":red[Refused.]"}


def show_lungs(finder: LungFinder | None, path: Path) -> None:
    """A section of the page about the model.

    Args:
        path: Where the lung network's .pt lies, or would lie.
    """
    st.markdown("##### Where the lungs are, and what is no frontal chest film")
    if finder is None:
        st.info(MISSING)
        return
    rows = [
        {"Films": group, "Measure": name, "Value": str(Rate(**rate)), "Number": rate["n"]}
        for group, rates in finder.card.measured.items()
        for name, rate in rates.items()
    ]
    st.dataframe(rows, hide_index=True)
    st.caption(
        "Value and 95 % interval, resampled by patient, on films kept apart from training. Dice: "
        "overlap with lungs drawn by humans, 1 is the same; two humans agree to 0.951. No lateral "
        "films and no abdomens were at hand to measure, and photographs of a film were made; a "
        "grey one is told only by how unusual the model finds it."
    )
    _show_examples(finder, path)


def _show_examples(finder: LungFinder, path: Path) -> None:
    """The films of the sheet, each with what the gate says of it."""
    try:
        pictures = read_sheet(path, finder.card)
    except InvalidBundle as error:
        st.warning(str(error))
        return
    sheet = finder.card.sheet
    if not pictures or sheet is None:
        return
    for number, (picture, example) in enumerate(zip(pictures, sheet.films, strict=True)):
        if number % sheet.across == 0:
            places = st.columns(sheet.across)
        place = places[number % sheet.across]
        place.image(picture, width="stretch", alt=capitalised(example.film))
        place.caption(f"{capitalised(example.film)}. {SAID[example.level]} {example.words}")
    st.caption(
        "Films kept apart, taken at even steps in the order of their names and not chosen, and "
        "what the model for children says of them by their lungs and their file alone. "
        + sheet.source
    )
