"""Widgets that show what the session holds, and figures that fit the theme."""

from collections.abc import Callable
from html import escape
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from cxrapp.figures.decisions import LOOKS, Shown

NO_TOOLBAR = {"displayModeBar": False}  # for Plotly


def showing(key: str, value: Any) -> dict[str, Any]:
    """Options of a widget that make it show `value`, and keep its name.

    The value is written to the widget's state only where it differs: sent back at every move it
    would pull the knob from under the reader's hand. Otherwise it is the default, because a page
    that is drawn twice in quick succession may reach the browser only the second time.
    """
    if key in st.session_state and st.session_state[key] != value:
        st.session_state[key] = value
        return {"key": key}
    return {"key": key, "value": value}


def show_decision(about: str, shown: Shown, words: str, number: str = "", given: str = "") -> None:
    """One line: what was asked, the decision in its sign and colour, and the probability.

    Args:
        given: What the probability takes for granted.
    """
    sign, kind = LOOKS[shown].sign, shown.replace(" ", "-")
    st.html(
        f'<div class="verdict" title="{escape(given)}"><b>{escape(about)}</b><span '
        f'class="decision {kind}">{sign} {escape(words)}</span><span class="number">'
        f"{escape(number)}</span></div>"
    )


def show_notice(shown: Shown, heading: str, words: str) -> None:
    """Something to know about the film before its result, in a decision's colour and sign."""
    kind = shown.replace(" ", "-")
    st.html(
        f'<div class="notice {kind}" role="note"><b>{LOOKS[shown].sign} {escape(heading)}.</b> '
        f"{escape(words)}</div>"
    )


def offer_file(
    label: str, data: str | Callable[[], str | bytes], name: str, kind: str, key: str
) -> None:
    """A button that hands over a file, made when it is pressed where `data` is a function.

    Args:
        name: Of the file.
        kind: Its MIME type.
    """
    st.download_button(label, data, name, kind, key=key, on_click="ignore", width="stretch")


def is_dark() -> bool:
    """Whether the reader's page is dark."""
    return st.context.theme.type == "dark"


def show_figure(figure: go.Figure, key: str) -> None:
    """A figure in the theme's colours, without Plotly's toolbar."""
    st.plotly_chart(themed(figure), key=key, config=NO_TOOLBAR)


def themed(figure: go.Figure) -> go.Figure:
    """Text that can be read on the reader's background: at least 4.5 to 1 (WCAG AA)."""
    ink = "#cdd6e1" if is_dark() else "#3a4350"
    for update in (figure.update_xaxes, figure.update_yaxes):
        update(title_font_color=ink, tickfont_color=ink)
    return figure.update_layout(font_color=ink)
