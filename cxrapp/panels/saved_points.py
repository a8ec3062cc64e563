"""Operating points a reader has saved: used again, kept in a file, loaded from one."""

from dataclasses import asdict
from datetime import date

import streamlit as st

from cxrapp.errors import InvalidSettings
from cxrapp.model.card import Finding, ModelCard
from cxrapp.panels.widgets import offer_file
from cxrapp.session.saved_points import MAX_TEXT, SavedPoint, dump_points, load_points
from cxrapp.session.session import Session
from cxrapp.words import escape_markdown, threshold_words


def offer_saved(session: Session, card: ModelCard, finding: Finding) -> None:
    """Points of this finding to use, to save and to load; one file holds those of all findings."""
    points = session.saved.setdefault(card.sha256, [])
    key = f"save {finding.name}"
    with st.form(f"{key} form", clear_on_submit=True, border=False):
        name, why, save = st.columns([1, 1, 0.7], gap="xsmall")
        plain = {"label_visibility": "collapsed"}
        name.text_input("Name", placeholder="Name", max_chars=80, key=f"{key} name", **plain)
        why.text_input("Why", placeholder="Why", max_chars=MAX_TEXT, key=f"{key} note", **plain)
        save.form_submit_button(
            "Save", on_click=_save, args=(session, card, finding, key), width="stretch"
        )
    for number, point in enumerate(points):
        if point.finding != finding.name:
            continue
        use, words = st.columns([1, 1.2], gap="xsmall", vertical_alignment="center")
        use.button(
            f"{escape_markdown(point.name)}: {threshold_words(point.setting.threshold)}",
            key=f"saved {card.sha256} {number}",
            on_click=session.change,
            args=(card, finding.name),
            kwargs=asdict(point.setting),
            width="stretch",
        )
        words.caption(escape_markdown(" · ".join(filter(None, (point.saved, point.note)))))
    if points:
        offer_file(
            "Save all to a file",
            dump_points(card, points),
            f"{card.name}-settings.json",
            "application/json",
            f"{key} file",
        )
    st.file_uploader(
        "Load a settings file",
        key=f"{key} upload",
        max_upload_size=1,
        on_change=_load,
        args=(session, card, f"{key} upload"),
    )
    if fault := session.faults.get(f"{key} upload"):
        st.error(fault)


def _save(session: Session, card: ModelCard, finding: Finding, key: str) -> None:
    name, note = (st.session_state[f"{key} {part}"] for part in ("name", "note"))
    setting, day = session.setting(card, finding.name), date.today().isoformat()
    point = SavedPoint(finding.name, name or "Saved", setting, note, day)
    session.saved[card.sha256].append(point)


def _load(session: Session, card: ModelCard, key: str) -> None:
    """Take in the points of a settings file, or say why not."""
    uploaded = st.session_state[key]
    session.faults.pop(key, None)
    if uploaded:
        try:
            loaded = load_points(card, uploaded.getvalue().decode("utf-8", "replace"))
            points = session.saved[card.sha256]
            points += [point for point in loaded if point not in points]
        except InvalidSettings as error:
            session.faults[key] = str(error)
