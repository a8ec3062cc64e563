"""Films and heat maps -> pictures."""

import base64
import hashlib
import io

import numpy as np
from PIL import Image
from plotly.colors import get_colorscale, sample_colorscale, unlabel_rgb

# Inferno is readable for every kind of colour vision, and in grey. Kept as rgb(r, g, b), because
# Streamlit takes hex colours such as Inferno's first, #000004, for placeholders of its theme.
COLOURS = sample_colorscale(get_colorscale("Inferno"), np.linspace(0, 1, 256))
# Seen on white and on a dark page alike: at least 3 to 1 against both.
OUTLINE = "rgb(94, 234, 212)"  # of the lungs: no colour of a map is like it
FOR, AGAINST = "rgb(255, 153, 51)", "rgb(61, 139, 255)"  # told apart by every colour vision


def film_picture(pixels: np.ndarray) -> Image.Image:
    """(H, W) float32 in [0, 1] -> an 8 bit grey picture."""
    return Image.fromarray(np.rint(np.clip(pixels, 0, 1) * 255).astype(np.uint8))


def fingerprint(picture: Image.Image) -> str:
    """What a film is called without its name: 12 hex digits of its pixels' SHA-256."""
    return hashlib.sha256(picture.tobytes()).hexdigest()[:12]


def heat_picture(heat: np.ndarray, scale: float, opacity: float) -> Image.Image:
    """A heat map as a see-through picture: the weaker the evidence, the clearer the film.

    Args:
        heat: (H, W) float32 >= 0.
        scale: The heat that gets the brightest colour.
        opacity: In [0, 1], at full heat.
    """
    strength = np.clip(heat / scale, 0, 1) if scale > 0 else np.zeros_like(heat)
    table = np.array([unlabel_rgb(colour) for colour in COLOURS], np.uint8)  # (256, 3)
    colour = table[np.rint(strength * 255).astype(int)]
    # Full strength from a third of the scale on; below it the map fades out.
    alpha = np.rint(255 * opacity * np.clip(3 * strength, 0, 1)).astype(np.uint8)
    return Image.fromarray(np.dstack([colour, alpha]))


def signed_picture(heat: np.ndarray, scale: float, opacity: float) -> Image.Image:
    """What speaks for and against a finding as a see-through picture: zero is clear.

    Args:
        heat: (H, W) float32.
        scale: The heat, of either sign, that gets the full colour.
        opacity: In [0, 1], at full heat.
    """
    strength = np.clip(heat / scale, -1, 1) if scale > 0 else np.zeros_like(heat)
    colour = np.where(strength[..., None] > 0, _rgb(FOR), _rgb(AGAINST)).astype(np.uint8)
    alpha = np.rint(255 * opacity * np.sqrt(np.abs(strength))).astype(np.uint8)
    return Image.fromarray(np.dstack([colour, alpha]))


def _rgb(colour: str) -> np.ndarray:
    return np.array(unlabel_rgb(colour), np.uint8)


def overlay_picture(
    film: Image.Image, heat: np.ndarray, scale: float, opacity: float
) -> Image.Image:
    """The heat map laid over the film, (H, W) RGB."""
    film = film.convert("RGBA")
    film.alpha_composite(heat_picture(heat, scale, opacity))
    return film.convert("RGB")


def outline_picture(masks: np.ndarray, width: int = 2) -> Image.Image:
    """The edges of masks, (2, H, W) bool, as a see-through picture; `width` in pixels."""
    edges = np.zeros(masks.shape[1:], bool)
    for mask in masks:
        inner = np.pad(mask, width)  # what the film's own edge cuts off has an edge there
        for axis in (0, 1):
            shifted = [np.roll(inner, step, axis) for step in (-width, width)]
            inner = inner & shifted[0] & shifted[1]
        edges |= mask & ~inner[width:-width, width:-width]
    alpha = edges[..., None].astype(np.uint8) * 255
    return Image.fromarray(np.dstack([np.broadcast_to(_rgb(OUTLINE), (*edges.shape, 3)), alpha]))


def data_url(picture: Image.Image, kind: str, *, quality: int = 92) -> str:
    """A picture as PNG or JPEG in the text of a page; `quality` is of JPEG alone."""
    buffer = io.BytesIO()
    options = {"compress_level": 1} if kind == "PNG" else {"quality": quality}
    picture.save(buffer, kind, **options)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(buffer.getvalue()).decode()}"
