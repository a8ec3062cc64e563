"""Does the heat map depend on what was learned? The same film with weights thrown away."""

from pathlib import Path

import numpy as np
import streamlit as st
from PIL import Image

from cxrapp.errors import InvalidBundle
from cxrapp.explain.trust import Randomised, randomise_weights
from cxrapp.figures.pictures import film_picture, signed_picture
from cxrapp.films.decode import read_upload
from cxrapp.films.radiograph import Radiograph
from cxrapp.model.card import ModelCard
from cxrapp.panels.intake import SAMPLES
from cxrapp.server.bundles import BY_DIGEST
from cxrapp.words import escape_markdown

SIDE = 300  # pixels


def show_sanity(card: ModelCard, path: Path) -> None:
    """A row of maps of one sample film; on demand, for it runs the network ten times."""
    st.markdown("##### Does a heat map depend on what was learned?")
    if not st.toggle("Compare with random weights", key="sanity"):
        return
    film = sample_film()
    try:
        head, network = _randomise(path, card, film)
    except InvalidBundle as error:  # its files were replaced since
        st.error(escape_markdown(str(error)))
        return
    rows = [("as trained", head.truth, None)]
    rows += [(f"{one.changed} random", one.maps[0], one.agreements) for one in (head, network)]
    for k, finding in enumerate(card.findings):
        for (words, maps, agreements), cell in zip(rows, st.columns(4)[: len(rows)], strict=True):
            caption = f"{finding.positive}, {words}"
            if agreements is not None:
                mean, spread = np.nanmean(agreements[:, k]), np.nanstd(agreements[:, k])
                caption += f": agreement {mean:.2f} ± {spread:.2f}"
            cell.image(_draw(film, maps[k], card), caption=caption, width=SIDE)
    st.caption(
        "Grad-CAM with what speaks against the finding (blue) beside what speaks for it (orange), "
        "of one sample film, and again with the weights replaced by random ones. Agreement is the "
        "rank correlation with the true map over ten draws: around 0 the map shows the learned "
        "network, near 1 it would only draw the film (Adebayo et al., 2018)."
    )


def sample_film() -> Radiograph:
    path = next(path for path in sorted(SAMPLES.glob("*.jpeg")) if "virus" in path.name)
    return next(iter(read_upload(path.name, path.read_bytes())))


@st.cache_data(
    max_entries=4, show_spinner="Running the network with random weights", hash_funcs=BY_DIGEST
)
def _randomise(path: Path, card: ModelCard, _film: Radiograph) -> tuple[Randomised, Randomised]:
    return randomise_weights(path, card.preprocessing.to_input(_film.pixels))


def _draw(film: Radiograph, one: np.ndarray, card: ModelCard) -> Image.Image:
    picture = film_picture(film.pixels).convert("RGBA")
    picture.thumbnail((SIDE, SIDE))
    heat = card.preprocessing.to_image(one, picture.size[::-1])
    picture.alpha_composite(signed_picture(heat, float(np.abs(one).max()), 0.6))
    return picture.convert("RGB")
