"""What Streamlit's own settings cannot do about the look of the app."""

import streamlit as st

from cxrapp.films.limits import MAX_FILE_BYTES

# A hand's breadth above every page and between all blocks belongs to the film. The intake is a
# doorway: what is dropped there moves to the worklist, so it needs one line.
STYLE = """<style>
.block-container {padding: 3.9rem 1.4rem 1rem}
[data-testid="stVerticalBlock"] {gap: 0.5rem}
[data-testid="stSlider"] {margin-bottom: -0.6rem}
.st-key-intake [data-testid="stFileUploaderDropzone"] {
  min-height: 0; padding: 0.15rem 0.5rem; align-items: center}
.st-key-intake [data-testid="stFileUploaderDropzoneInstructions"] {display: none}
.st-key-intake [data-testid="stFileUploaderDropzone"]::after {
  content: "INVITATION";
  padding-left: 0.8rem; font-size: 0.9rem; opacity: 0.85}
.stFileChip [role="alert"] { /* Streamlit says for screen readers alone why it refuses a file */
  position: static !important; width: auto !important; height: auto !important;
  clip: auto !important; clip-path: none !important; margin: 0 0.4rem !important;
  overflow: visible !important; white-space: nowrap; font-size: 0.85rem; align-self: center}
.stFileChip, [data-testid="stFileChips"] > div {max-width: none !important; width: auto !important}
[data-testid="stSliderTickBar"] {display: none} /* its ends overprint the line below */
[class*="st-key-box-"] {padding: 0.45rem 0.8rem}
[class*="st-key-box-"] [data-testid="stVerticalBlock"] {gap: 0.2rem}
[class*="st-key-curve-"] {gap: 0}
.stHtml:has(> .setting) {position: relative} /* of no height, where the figure ends */
.setting {position: absolute; pointer-events: none}
.setting i {position: absolute; box-sizing: border-box; font: 12px "Source Sans", sans-serif}
.setting [title] {pointer-events: auto}
.st-key-outcomes table {font-size: 0.82rem; width: 100%}
.st-key-outcomes td, .st-key-outcomes th {padding: 0.1rem 0.5rem}
</style>"""

# With the limit, where it is read before anything is dropped.
INVITATION = (
    "or drop chest films here: DICOM, JPEG or PNG, one or many, or ZIP archives; up to "
    f"{MAX_FILE_BYTES // 2**20} MB a file"
)
STYLE = STYLE.replace("INVITATION", INVITATION)

# The dark theme's buttons are bright, and white on them cannot be read.
DARK = "<style>[data-testid=stBaseButton-primary] p {color: #06201d}</style>"


def style() -> str:
    """For the theme the reader has chosen."""
    return STYLE + DARK if st.context.theme.type == "dark" else STYLE
