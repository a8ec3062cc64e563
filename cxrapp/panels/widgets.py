"""Widgets that show what the session holds, and figures that fit the theme."""

from collections.abc import Callable
from typing import Any

import plotly.graph_objects as go
import streamlit as st

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
