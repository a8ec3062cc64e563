"""What Streamlit's own settings cannot do about the look of the app."""

import streamlit as st

from cxrapp.figures.decisions import LOOKS
from cxrapp.films.limits import MAX_FILE_BYTES

# One line at the top holds the name, the pages and what is chosen rarely; all below it is the
# film's. What is dropped on the intake moves to the worklist, so that it needs no more than a
# doorway, which opens over the whole page while films are dragged over it (tab.py).
STYLE = """<style>
:root {--head: 2.7rem; --film-height: max(420px, calc(100vh - 108px))}
[data-testid="stHeader"], [data-testid="stToolbar"] {height: var(--head); min-height: var(--head)}
.block-container {padding: calc(var(--head) + 0.3rem) 1rem 1rem}
[data-testid="stVerticalBlock"] {gap: 0.4rem}
[data-testid="stSlider"] {margin-bottom: -0.6rem}
[data-testid="stSliderTickBar"] {display: none} /* its ends overprint the line below */
[data-testid="stCaptionContainer"] p {line-height: 1.35}
.st-key-intake [data-testid="stFileUploaderDropzone"] {
  min-height: 0; padding: 0 0.3rem; align-items: center}
:is(.st-key-intake, .st-key-labelled) [data-testid="stFileUploaderDropzoneInstructions"] {
  display: none}
.st-key-intake [data-testid="stFileUploaderDropzone"]::after {content: "INVITATION"}
.st-key-labelled [data-testid="stFileUploaderDropzone"]::after {content: "LABELLED"}
:is(.st-key-intake, .st-key-labelled) [data-testid="stFileUploaderDropzone"]::after {
  padding-left: 0.5rem; font-size: 0.75rem; line-height: 1.2}
:is(.st-key-intake, .st-key-labelled)
  :has(> [data-testid="stFileUploader"]) ~ :has(> [data-testid="stFileUploader"]) {
  display: none} /* see uploads.py */
.stFileChip [role="alert"] { /* Streamlit says for screen readers alone why it refuses a file */
  position: static !important; width: auto !important; height: auto !important;
  clip: auto !important; clip-path: none !important; margin: 0 0.4rem !important;
  overflow: visible !important; white-space: nowrap; font-size: 0.85rem; align-self: center}
.stFileChip, [data-testid="stFileChips"] > div {max-width: none !important; width: auto !important}
body.dragging .st-key-intake [data-testid="stFileUploaderDropzone"] {
  position: fixed; inset: 0; z-index: 9999999; justify-content: center; opacity: 0.93;
  font-size: 1.2rem}
@media (min-width: 1000px) {
  .st-key-top {
    position: fixed; top: 0.2rem; left: 36.5rem; right: 3.4rem; width: auto; z-index: 999991}
  body:has([data-testid="stTopNavLink"][href$="/sign-out"]) .st-key-top {left: 43.5rem}
  .st-key-top [data-testid="stFileUploaderDropzone"] {min-height: 2.1rem; height: 2.1rem}
}
:is(.st-key-top, .st-key-bench) :is([data-testid="stBaseButton-secondary"],
  [data-testid="stPopoverButton"], .react-aria-ComboBox > div) {
  min-height: 2.1rem; height: 2.1rem; padding-top: 0; padding-bottom: 0}
:is(.st-key-top, .st-key-bench) .react-aria-ComboBox input {padding-top: 0; padding-bottom: 0}
.st-key-bench [data-testid^="stBaseButton"] {min-height: 2.1rem; padding-top: 0; padding-bottom: 0}
.st-key-rejected button {padding: 0 0.4rem; font-size: 0.85rem}
/* What must be known of a film stands over it: the threshold and its curve keep their place. */
.st-key-bench:has(.st-key-notice .notice) {--film-height: max(420px, calc(100vh - 150px))}
@media (min-width: 900px) {
  .st-key-bench > div > [data-testid="stHorizontalBlock"] {gap: 0.6rem; flex-wrap: nowrap}
  .st-key-bench > div > * > [data-testid="stColumn"] {min-width: 0}
  .st-key-bench > div > * > [data-testid="stColumn"]:nth-child(1) {
    flex: 0 0 clamp(225px, 18vw, 400px)}
  .st-key-bench > div > * > [data-testid="stColumn"]:nth-child(2) {flex: 1 1 0}
  .st-key-bench > div > * > [data-testid="stColumn"]:nth-child(3) {
    flex: 0 0 clamp(290px, 27vw, 560px)}
}
.st-key-bench [role="tab"] {min-height: 1.7rem; height: 1.7rem; padding: 0}
.st-key-bench :is([data-testid="stTextInputRootElement"],
  [data-testid="stNumberInputContainer"]) {height: 2.1rem}
.st-key-bench form {gap: 0}
.st-key-bench [data-testid="stTabPanel"] {padding-top: 0.4rem}
.st-key-show button {min-height: 1.7rem; height: 1.7rem; padding: 0 0.5rem}
.st-key-show div:has(> button) {gap: 0.25rem}
.st-key-cohort button {min-height: 1.6rem; height: 1.6rem; font-size: 0.8rem}
[class*="st-key-curve-"] {
  --figure: 176px; flex: none !important; gap: 0; height: var(--figure); position: relative}
/* On a tall screen the curve takes what the rest of its column leaves, until it is square. */
.st-key-curve-roc {--figure: clamp(176px, 100vh - 592px, 27vw)}
[class*="st-key-curve-"] > :has(.setting) {position: static} /* see curve_overlay.py */
.setting {position: absolute; pointer-events: none}
.setting i {position: absolute; box-sizing: border-box; font: 12px "Source Sans", sans-serif}
.setting [title] {pointer-events: auto}
.verdict {display: flex; gap: 0.5rem; align-items: baseline; line-height: 1.45; flex-wrap: wrap;
  font-size: 0.95rem}
.verdict b {font-weight: 600}
.verdict .number {margin-left: auto; font-weight: 600; font-variant-numeric: tabular-nums}
.aside {font-size: 0.85rem; line-height: 1.2; opacity: 0.85; text-align: right}
.decision {white-space: nowrap; font-weight: 600}
.notice {font-size: 0.85rem; line-height: 1.35; border-left: 3px solid; padding: 0.1rem 0.5rem}
.st-key-outcomes table {font-size: 0.8rem; width: 100%}
.st-key-outcomes td, .st-key-outcomes th {padding: 0 0.3rem; white-space: nowrap}
@media (max-width: 1150px) {
  .verdict {font-size: 0.79rem; gap: 0.3rem}
  .st-key-bench .notice {font-size: 0.76rem}
  .st-key-outcomes table {font-size: 0.73rem}
  .st-key-outcomes td, .st-key-outcomes th {padding: 0 0.1rem}
  .st-key-outcomes [data-testid="stCaptionContainer"] p {font-size: 0.78rem}
  .st-key-top button {padding: 0 0.3rem; font-size: 0.85rem}
  [data-testid="stTopNavLink"] {padding: 0 0.4rem}
  .st-key-bench .stTabs input {font-size: 0.8rem; padding: 0 0.3rem}
  .st-key-bench .stTabs [data-testid^="stBaseButton"] {padding: 0 0.2rem; font-size: 0.85rem}
  .st-key-top input {font-size: 0.85rem; padding-left: 0.4rem}
  .st-key-top [data-testid="stColumn"] {flex: 0 0 auto; width: auto; min-width: 0}
  .st-key-top [data-testid="stColumn"]:first-child {flex: 1 1 0}
  body:not(.dragging) .st-key-intake [data-testid="stFileUploaderDropzone"] {
    border: 0; padding: 0; background: none}
  body:not(.dragging) .st-key-intake [data-testid="stFileUploaderDropzone"]::after {display: none}
}
.st-key-tour {position: fixed; left: 1rem; bottom: 0.8rem; width: min(46rem, calc(100vw - 2rem));
  z-index: 99999; background: var(--page); border-radius: 6px}
</style>"""

# With the limit, where it is read before anything is dropped.
FILES = f"DICOM, JPEG, PNG, or ZIP archives of them; up to {MAX_FILE_BYTES // 2**20} MB a file"
INVITATION = f"or drop chest films: {FILES}"
LABELLED = f"or drop films and a table of their labels, CSV; films are {FILES}"
STYLE = STYLE.replace("INVITATION", INVITATION).replace("LABELLED", LABELLED)

# The dark theme's buttons are bright, and white on them cannot be read.
DARK = "<style>[data-testid=stBaseButton-primary] p {color: #06201d}</style>"
LOGO = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="84" height="24"><text x="0" y="18" '
    'font-family="sans-serif" font-size="20" font-weight="700" fill="#12a594">cxrapp</text></svg>'
)


def style() -> str:
    """For the theme the reader has chosen."""
    dark = st.context.theme.type == "dark"
    colours = "".join(
        f"--{name.replace(' ', '-')}: {look.dark if dark else look.light};"
        for name, look in LOOKS.items()
    )
    classes = "".join(
        f".decision.{name.replace(' ', '-')}, .notice.{name.replace(' ', '-')} "
        f"{{color: var(--{name.replace(' ', '-')})}}"
        for name in LOOKS
    )
    page = "#10151c" if dark else "#ffffff"  # as in .streamlit/config.toml
    return f"{STYLE}<style>:root {{--page: {page}; {colours}}}{classes}</style>{DARK * dark}"
