"""Films and heat maps -> pictures and Plotly figures. No Streamlit."""

import base64
import io

import numpy as np
import plotly.graph_objects as go
from PIL import Image
from plotly.colors import get_colorscale, sample_colorscale, unlabel_rgb

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
    return dress(figure, title, tall + 92, margin={"l": 0, "r": 0, "t": 34, "b": 58})


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


def dress(figure: go.Figure, title: str, height: int, margin: dict[str, int]) -> go.Figure:
    """Give a figure the look of all others; a legend only where it was given a place."""
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
