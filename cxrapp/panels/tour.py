"""A first look around, in five sentences over the sample films."""

import streamlit as st

from cxrapp.session.session import Session

SENTENCES = (
    "The list holds every film, the most urgent first: each bar is a probability, the tick on it "
    "your threshold; go through it with the arrow keys and press R when a film is done.",
    "The film is in the middle, at its own resolution: turn the wheel to zoom, drag to move, drag "
    "with the right button to window, and press M for the map of what speaks for a finding.",
    "Each finding has one threshold on the right: move it, and the decision, the list, the curves "
    "and the counts move with it; the tabs below it set it by a goal, leave a band undecided, or "
    "save it.",
    "Tell the app how common the finding is where you work, and it counts how many of 1,000 "
    "patients are found, missed and wrongly flagged at your setting, with intervals.",
    "A film unlike those the model knows is refused with the reason; nothing here is a diagnosis, "
    "and About the model says what was measured and what was not.",
)


def show_tour(session: Session) -> None:
    """The sentence that is due, where the reader has started the tour."""
    number = session.tour
    if number is None:
        return
    with st.container(key="tour"):
        words, forth, close = st.columns([9, 1.2, 1.2], vertical_alignment="center", gap="xsmall")
    words.info(f"{number + 1} of {len(SENTENCES)}. {SENTENCES[number]}")
    following = number + 1 if number + 1 < len(SENTENCES) else None
    forth.button(
        "Next" if following else "Done",
        key="tour next",
        on_click=setattr,
        args=(session, "tour", following),
        type="primary",
        width="stretch",
    )
    close.button(
        "Close", key="tour close", on_click=setattr, args=(session, "tour", None), width="stretch"
    )
