"""Widgets that show a value the desk holds, not one of their own."""

from typing import Any

import streamlit as st


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
