"""The one typeface of reports: DejaVu Sans, which comes with Matplotlib and may be embedded.

It has Latin, Greek, Cyrillic, Arabic, Hebrew and more, but no Chinese, Japanese, Korean or emoji;
what it lacks is spelled as the character's number, so a name stays what it was.
"""

from functools import lru_cache
from pathlib import Path

import matplotlib
from matplotlib.ft2font import FT2Font

FAMILY = "DejaVuSans"
BOLD = "DejaVuSans-Bold"
FOLDER = Path(matplotlib.get_data_path()) / "fonts/ttf"


@lru_cache(maxsize=1)
def _drawn() -> frozenset[int]:
    """Characters that both weights can draw."""
    fonts = (FT2Font(str(FOLDER / f"{name}.ttf")) for name in (FAMILY, BOLD))
    regular, bold = (set(font.get_charmap()) for font in fonts)
    return frozenset(regular & bold)


def drawable(text: str) -> str:
    """`text` with U+4E2D in place of each character the typeface lacks."""
    return "".join(c if ord(c) in _drawn() else f"[U+{ord(c):04X}]" for c in text)
