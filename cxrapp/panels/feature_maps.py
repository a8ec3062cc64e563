"""Feature maps: what the channels of a layer see in the film, and what they do to a score."""

from pathlib import Path

import numpy as np
import streamlit as st
from PIL import Image

from cxrapp.errors import InvalidBundle
from cxrapp.explain.channels import layer_channels, layer_names
from cxrapp.figures.pictures import film_picture
from cxrapp.films.radiograph import Radiograph
from cxrapp.model.bundle import Bundle, load_bundle
from cxrapp.model.card import ModelCard
from cxrapp.server.bundles import BY_DIGEST, bundle_path
from cxrapp.words import capitalised, escape_markdown

COUNT = 12
SIDE = 160  # pixels


def show_layers(shown: Bundle, film: Radiograph, name: str) -> None:
    """The channels of one layer that do most to a finding's score; on demand, for it takes a
    second look at the film by a slower copy of the network.

    Args:
        name: What to call the film.
    """
    st.markdown("##### What do single channels respond to?")
    if not st.toggle(f"Feature maps of a layer, on {escape_markdown(name)}", key="layers"):
        return
    findings = {capitalised(one.positive): one for one in shown.card.findings}
    finding = findings[st.selectbox("Finding", list(findings), key="layers of")]
    try:
        bundle = _open(bundle_path(shown), shown.card)
    except InvalidBundle as error:  # its files were replaced since
        st.error(escape_markdown(str(error)))
        return
    names = layer_names(bundle)
    layer = st.selectbox("Layer", names, index=len(names) - 1, key="layer")
    inputs = bundle.card.preprocessing.to_input(film.pixels)
    channels = layer_channels(bundle, inputs, layer, bundle.card.index(finding.name), COUNT)
    st.caption(
        f"The {COUNT} channels of the {layer} that move the score for "
        f"{finding.positive} most: bright is where the channel responds, the number how much it "
        "raises or lowers the score (log-odds). A channel rarely means one thing a person has a "
        "word for."
        + " This model scores in eight bits; its layers are shown as they were trained."
        * bundle.card.is_int8
    )
    for start in range(0, COUNT, COUNT // 2):
        cells = st.columns(COUNT // 2, gap="xsmall")
        for n, cell in enumerate(cells, start=start):
            cell.image(
                _picture(channels.maps[n]),
                caption=f"{channels.numbers[n]}: {channels.contributions[n]:+.3f}",
                width="stretch",
            )


@st.cache_resource(max_entries=1, show_spinner="Loading the layers", hash_funcs=BY_DIGEST)
def _open(path: Path, card: ModelCard) -> Bundle:
    return load_bundle(path, frozen=False)


def _picture(one: np.ndarray) -> Image.Image:
    low, high = float(one.min()), float(one.max())
    grey = (one - low) / (high - low) if high > low else np.zeros_like(one)
    return film_picture(grey).resize((SIDE, SIDE), Image.Resampling.NEAREST)
