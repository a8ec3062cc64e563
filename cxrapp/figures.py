"""Arrays -> Plotly figures and pictures. No Streamlit."""

import base64
import io

import numpy as np
import plotly.graph_objects as go
from PIL import Image
from plotly.colors import get_colorscale, sample_colorscale, unlabel_rgb

from cxrapp.decision import OperatingPoint, Roc

# Inferno is readable for every kind of colour vision, and in grey. Kept as rgb(r, g, b), because
# Streamlit takes hex colours such as Inferno's first, #000004, for placeholders of its theme.
COLOURS = sample_colorscale(get_colorscale("Inferno"), np.linspace(0, 1, 256))
ACCENT = "#0f766e"
POINT = "#c2410c"
MUTED = "#64748b"
INK = "#0f172a"
COLUMN_WIDTH = 350  # pixels of the film's column on a laptop
MAX_FILM_HEIGHT = 460


def film_picture(pixels: np.ndarray) -> Image.Image:
    """(H, W) float32 in [0, 1] -> an 8 bit grey picture."""
    return Image.fromarray(np.rint(np.clip(pixels, 0, 1) * 255).astype(np.uint8))


def heat_picture(heat: np.ndarray, scale: float, opacity: float) -> Image.Image:
    """A heat map as a see-through picture: the weaker the evidence, the clearer the film.

    Args:
        heat: (H, W) float32 >= 0.
        scale: The heat that gets the brightest colour.
        opacity: In [0, 1], at full heat.
    """
    share = np.clip(heat / scale, 0, 1) if scale > 0 else np.zeros_like(heat)
    table = np.array([unlabel_rgb(colour) for colour in COLOURS], np.uint8)  # (256, 3)
    colour = table[np.rint(share * 255).astype(int)]
    # Full strength from a third of the scale on; below it the map fades out.
    alpha = np.rint(255 * opacity * np.clip(3 * share, 0, 1)).astype(np.uint8)
    return Image.fromarray(np.dstack([colour, alpha]))


def overlay_picture(
    film: Image.Image, heat: np.ndarray, scale: float, opacity: float
) -> Image.Image:
    """The heat map laid over the film, (H, W) RGB."""
    film = film.convert("RGBA")
    film.alpha_composite(heat_picture(heat, scale, opacity))
    return film.convert("RGB")


def film_figure(picture: Image.Image, title: str) -> go.Figure:
    """A film that can be zoomed and panned."""
    width, height = picture.size
    # Invisible points in the corners give the axes their range and a colour bar its owner.
    corners = go.Scatter(x=[0, width], y=[0, height], mode="markers", marker={"opacity": 0})
    figure = go.Figure(corners)
    figure.update_traces(hoverinfo="skip")
    figure.add_layout_image(
        source=_data_url(picture),
        x=0,
        y=0,
        sizex=width,
        sizey=height,
        xref="x",
        yref="y",
        layer="below",
    )
    figure.update_xaxes(visible=False, range=[0, width], constrain="domain")
    figure.update_yaxes(
        visible=False,
        range=[height, 0],
        scaleanchor="x",
        constrain="domain",
        constraintoward="top",
    )
    # As tall as the film is where the column has its usual width, so that no gap is left.
    tall = round(min(COLUMN_WIDTH * height / width, MAX_FILM_HEIGHT))
    return _dress(figure, title, tall + 92, margin={"l": 0, "r": 0, "t": 34, "b": 58})


def heat_figure(picture: Image.Image, scale: float, title: str) -> go.Figure:
    """A film with its heat map laid over it, and the colour bar of that map.

    Args:
        picture: From `overlay_picture`.
        scale: The heat of the brightest colour, in logits.
    """
    figure = film_figure(picture, title)
    bar = {
        "orientation": "h",
        "y": 0,
        "ypad": 4,
        "yanchor": "top",
        "thickness": 10,
        "len": 1,
        "outlinewidth": 0,
        "title": {"text": "adds to the logit, per cell", "side": "bottom", "font": {"size": 12}},
        "nticks": 5,
    }
    figure.update_traces(
        marker={"color": [0, scale], "colorscale": COLOURS, "cmin": 0, "cmax": scale or 1}
        | {"showscale": True, "colorbar": bar}
    )
    return figure


def roc_figure(curve: Roc, point: OperatingPoint, title: str) -> go.Figure:
    """The ROC curve with the operating point, and its intervals as error bars."""
    sensitivity, specificity = point.sensitivity, point.specificity
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 100], y=[0, 100], mode="lines", line={"color": "#cbd5e1", "dash": "dot"}
    )
    figure.add_scatter(
        x=100 * (1 - curve.specificity),
        y=100 * curve.sensitivity,
        mode="lines",
        line={"color": ACCENT, "width": 2, "shape": "hv"},
        customdata=np.minimum(curve.thresholds, 1),
        hovertemplate="finds %{y:.0f} %, flags %{x:.0f} %, threshold %{customdata:.3f}",
    )
    figure.add_scatter(
        x=[100 * (1 - specificity.value)],
        y=[100 * sensitivity.value],
        mode="markers",
        marker={"size": 13, "color": POINT, "line": {"color": "white", "width": 2}},
        error_y=_error_bar(sensitivity.value, sensitivity.low, sensitivity.high),
        error_x=_error_bar(1 - specificity.value, 1 - specificity.high, 1 - specificity.low),
        hovertemplate="this setting: finds %{y:.0f} %, flags %{x:.0f} %",
    )
    figure.update_traces(showlegend=False, name="")
    figure.update_xaxes(title="wrongly flagged (1 - specificity), %", range=[-3, 103], **_AXIS)
    figure.update_yaxes(title="found (sensitivity), %", range=[-3, 103], **_AXIS)
    return _dress(figure, title, 300, margin={"l": 48, "r": 8, "t": 34, "b": 44})


def learning_figure(history: dict[str, list]) -> go.Figure:
    """Training and validation loss by epoch."""
    figure = go.Figure()
    for key, colour in (("train_loss", MUTED), ("validation_loss", ACCENT)):
        figure.add_scatter(
            x=history["epoch"],
            y=history[key],
            name=key.replace("_", " "),
            mode="lines+markers",
            line={"color": colour},
        )
    figure.update_xaxes(title="epoch", dtick=1, **_AXIS)
    figure.update_yaxes(title="loss", rangemode="tozero", **_AXIS)
    figure.update_layout(legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"})
    return _dress(figure, "", 300, margin={"l": 48, "r": 8, "t": 30, "b": 44})


_AXIS = {"gridcolor": "#e2e8f0", "zeroline": False, "linecolor": "#cbd5e1"}


def _error_bar(value: float, low: float, high: float) -> dict:
    return {
        "type": "data",
        "array": [100 * max(0, high - value)],
        "arrayminus": [100 * max(0, value - low)],
        "color": POINT,
        "thickness": 1.5,
        "width": 4,
    }


def _dress(figure: go.Figure, title: str, height: int, margin: dict[str, int]) -> go.Figure:
    figure.update_layout(
        title={"text": title, "x": 0, "font": {"size": 15}},
        height=height,
        margin=margin,
        font={"family": "Source Sans, sans-serif", "color": INK},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        showlegend=figure.layout.legend.orientation is not None,
    )
    return figure


def _data_url(picture: Image.Image) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=1)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
