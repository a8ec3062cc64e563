"""The reader's tab: its films outlast a reload of the page, files are dropped anywhere on it, and a
page that is stuck is drawn anew.

The browser keeps, for this tab alone and until it is closed, a number nobody can guess, and shows
it after a reload. Of films and readers it keeps nothing.
"""

import streamlit as st

from cxrapp.server.sessions import current_session, take_over

KEY = "tab"
JS = """
const NAME = 'cxrapp session';
const asked = new WeakSet();

export default function ({ data, parentElement, setStateValue }) {
  const before = sessionStorage.getItem(NAME);
  if (before && before !== data.token && !asked.has(parentElement)) setStateValue('was', before);
  else sessionStorage.setItem(NAME, data.token);
  asked.add(parentElement);
  // Outside every fragment: where one has been lost on the way, a whole run brings it back.
  const draw = () => setStateValue('stuck', Date.now());
  document.addEventListener('cxrapp:stuck', draw);
  // Films are dropped anywhere on the page (style.py opens the intake over it).
  document.body.ondragenter = (event) => {
    if (event.dataTransfer?.types.includes('Files')) document.body.classList.add('dragging');
  };
  document.body.ondragleave = (event) => {
    if (!event.relatedTarget) document.body.classList.remove('dragging');
  };
  document.body.ondrop = () => document.body.classList.remove('dragging');
  return () => document.removeEventListener('cxrapp:stuck', draw);
}
"""

_tab = st.components.v2.component("cxrapp.tab", js=JS)


def keep_over_reload() -> None:
    """Go on with the session that this tab had before it was reloaded."""
    token = current_session().token
    _tab(
        key=KEY,
        data={"token": token},
        on_was_change=lambda: take_over(st.session_state[KEY]["was"] or ""),
        on_stuck_change=lambda: None,
    )
