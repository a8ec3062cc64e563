"""The reader's setting, drawn over figures that stay as they are.

Streamlit builds a figure anew wherever anything in it has changed, which took the browser longer
than all the rest of a slider's move. So the setting is a few lines of HTML over the plot: of SVG,
Streamlit lets nothing through.
"""

import numpy as np

from cxrapp.figures.charts import MUTED, POINT, SHARES, place_score, score_ends, wrongly_flagged
from cxrapp.model.decision import Setting
from cxrapp.statistics.operating_point import OperatingPoint

MARGIN = {"l": 44, "r": 6, "t": 8, "b": 42}  # pixels between a figure's edges and its plot
LEGEND_MARGIN = MARGIN | {"t": 28}


def roc_setting(point: OperatingPoint) -> str:
    """For a `roc_figure`: the operating point and its intervals."""
    wrongly, found = wrongly_flagged(point), point.sensitivity
    x, y = _place(100 * wrongly.value, SHARES), _place(100 * found.value, SHARES)
    left, right = (_place(100 * end, SHARES) for end in (wrongly.low, wrongly.high))
    low, high = (_place(100 * end, SHARES) for end in (found.low, found.high))
    interval = f"1.5px solid {POINT}"
    return _overlay(
        _part(left=left, width=right - left, bottom=y, border_top=interval),
        _part(left=x, bottom=low, height=high - low, border_left=interval),
        _dot(x, y, f"this setting: finds {found.value:.0%}, flags {wrongly.value:.0%}"),
    )


def precision_setting(point: OperatingPoint) -> str:
    """For a `precision_recall_figure`: the operating point, unless nothing is flagged."""
    found, right = point.sensitivity.value, point.precision.value
    if np.isnan(right):
        return _overlay()
    words = f"this setting: finds {found:.0%}, of those flagged {right:.0%} rightly"
    return _overlay(_dot(_place(100 * found, SHARES), _place(100 * right, SHARES), words))


def scores_setting(setting: Setting, film: float | None = None, *, logit: bool = False) -> str:
    """For a `score_histogram`: the band of abstention, the threshold, and one film.

    Args:
        film: Its probability.
    """

    def place(probability: float) -> float:
        return _place(float(place_score(probability, logit)), score_ends(logit))

    threshold, parts = place(setting.threshold), []
    if setting.abstain_from is not None:
        low = place(setting.abstain_from)
        parts.append(_part(left=low, width=threshold - low, height=100, background=f"{POINT}26"))
    parts.append(_part(left=threshold, height=100, border_left=f"2px solid {POINT}"))
    if film is not None:
        across = place(film)
        side = {"right": 100 - across} if across > 50 else {"left": across}
        parts.append(_part(left=across, height=100, border_left=f"2px dashed {MUTED}"))
        parts.append(_part("this film", **side, top=0, padding="0 4px"))
    return _overlay(*parts, top=LEGEND_MARGIN["t"])


def _place(value: float, ends: tuple[float, float]) -> float:
    """Per cent of the plot's width or height."""
    return 100 * (value - ends[0]) / (ends[1] - ends[0])


def _dot(x: float, y: float, words: str) -> str:
    look = {"background": POINT, "border": "2px solid white", "border_radius": "50%"}
    size = {"width": "15px", "height": "15px", "transform": "translate(-50%, 50%)"}
    return _part(title=words, left=x, bottom=y, **size, **look)


def _part(words: str = "", *, title: str = "", **style: float | str) -> str:
    """A piece of the drawing; numbers are per cent of the plot."""
    rules = (
        f"{name.replace('_', '-')}: {value if isinstance(value, str) else f'{value:.2f}%'}"
        for name, value in style.items()
    )
    named = f'title="{title}" ' * bool(title)
    return f'<i {named}style="{"; ".join(rules)}">{words}</i>'


def _overlay(*parts: str, top: int = MARGIN["t"]) -> str:
    """Exactly over the plot of the figure that it shares a container with, of whatever size."""
    inset = f"inset: {top}px {MARGIN['r']}px {MARGIN['b']}px {MARGIN['l']}px"
    return f'<div class="setting" style="{inset}">{"".join(parts)}</div>'
