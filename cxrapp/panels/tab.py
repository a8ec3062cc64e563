"""The reader's tab: its films outlast a reload of the page, files are dropped anywhere on it, those
that cannot be sent are told, and a page that is stuck is drawn anew.

The browser keeps, for this tab alone and until it is closed, a number nobody can guess, and shows
it after a reload. Of films and readers it keeps nothing.
"""

import streamlit as st

from cxrapp.films.radiograph import Rejection
from cxrapp.server.sessions import current_session, take_over

KEY = "tab"
JS = """
const NAME = 'cxrapp session';
const INVALID = ':is(.st-key-intake, .st-key-labelled) .stFileChip[aria-invalid]';
const asked = new WeakSet();
const told = new WeakSet();

export default function ({ data, parentElement, setStateValue }) {
  const before = sessionStorage.getItem(NAME);
  if (before && before !== data.token && !asked.has(parentElement)) setStateValue('was', before);
  else sessionStorage.setItem(NAME, data.token);
  asked.add(parentElement);
  // Outside every fragment: where one has been lost on the way, a whole run brings it back.
  const draw = () => setStateValue('stuck', Date.now());
  document.addEventListener('cxrapp:stuck', draw);
  // What the upload widget refuses it says beside the file, and forgets both with the next drop.
  const watcher = new MutationObserver(() => {
    const chips = [...document.querySelectorAll(INVALID)].filter((chip) => !told.has(chip));
    const files = chips.map((chip) => ({
      name: chip.querySelector('.stFileChipName').title,
      reason: chip.querySelector('[role=alert]').textContent.replace('Error: ', ''),
      labelled: chip.closest('.st-key-labelled') !== null,
    }));
    chips.forEach((chip) => told.add(chip));
    if (files.length) setStateValue('refused', { files, at: Date.now() });
  });
  watcher.observe(document.body, { childList: true, subtree: true });
  // Films are dropped anywhere on the page (style.py opens the intake over it).
  document.body.ondragenter = (event) => {
    if (event.dataTransfer?.types.includes('Files')) document.body.classList.add('dragging');
  };
  document.body.ondragleave = (event) => {
    if (!event.relatedTarget) document.body.classList.remove('dragging');
  };
  document.body.ondrop = () => document.body.classList.remove('dragging');
  return () => {
    document.removeEventListener('cxrapp:stuck', draw);
    watcher.disconnect();
  };
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
        on_refused_change=_note_refused,
    )


def _note_refused() -> None:
    """Name the files that the browser could not send beside those that are no films."""
    here = current_session()
    for file in st.session_state[KEY]["refused"]["files"]:
        worklist = here.site if file["labelled"] else here.worklist
        worklist.reject(Rejection(file["name"], f"It was not sent: {file['reason']}"))
