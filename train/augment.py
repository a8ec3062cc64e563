"""Random changes to a batch of films, each film its own, on the device the model trains on."""

import math
from functools import partial

import torch
import torch.nn.functional as F

from train.recipe import Augment

LOWEST = 3  # periods a side up to which a frequency counts as shading, not anatomy
KNOTS = 6  # steps of a random tone curve


def augment(films: torch.Tensor, ranges: Augment, generator: torch.Generator) -> torch.Tensor:
    """Change place, shape, tone, sharpness and grain of a batch, and mask parts of it.

    Args:
        films: (N, 1, S, S) float32 in [0, 1].
        ranges: How far each change may go.
        generator: A CPU generator, so that a seed gives the same films on every device.

    Returns:
        (N, 1, S, S) float32 in [0, 1]; what comes in from outside a film is black as the film's own
        black is.
    """
    places = draw_places(len(films), ranges, generator)
    return change_tone(move(films, places), ranges, generator)


def draw_places(count: int, ranges: Augment, generator: torch.Generator) -> torch.Tensor:
    """Draw where each film goes: (N, 2, 3) float32, its new coordinates -> its old ones."""
    draw = partial(_draw, count, generator)
    # All changes of place make one matrix: a film is resampled once, and stays as sharp as that
    # allows.
    angle = draw(math.radians(ranges.rotation))
    scale = 1 + draw(ranges.zoom)
    # Half the log-ratio to either side: width and height change, the area does not.
    stretch = torch.exp(draw(ranges.aspect) / 2)
    # A mirrored chest is one a child can have, and which side is ill is not what is asked.
    mirror = torch.where(torch.rand(count, generator=generator) < ranges.flip, -1.0, 1.0)
    cos, sin = angle.cos(), angle.sin()
    # Coordinates run from -1 to 1, so a share of the side is twice as much.
    shift = 2 * draw(ranges.shift), 2 * draw(ranges.shift)
    shear = draw(math.radians(ranges.shear)).tan()
    # Rows of the matrix from a place on the new film to the one it is taken from: that way round
    # every pixel of the new film gets a value, and none is missed or written twice.
    x = torch.stack([cos * scale * stretch * mirror, -sin * scale, shift[0]], 1)
    y = torch.stack([sin * scale * mirror, cos * scale / stretch, shift[1]], 1)
    x[:, :2] += shear.view(-1, 1) * y[:, :2]  # lines that stood upright lean
    return torch.stack([x, y], 1)


def move(films: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """Films, or masks of them, (N, C, S, S) -> the same at their places of `draw_places`."""
    grid = F.affine_grid(places.to(films.device), list(films.shape), align_corners=False)
    return F.grid_sample(films, grid, align_corners=False)


def change_tone(films: torch.Tensor, ranges: Augment, generator: torch.Generator) -> torch.Tensor:
    """Change tone, sharpness and grain of a batch (N, 1, S, S), and mask parts of it."""
    draw = partial(_draw, len(films), generator)
    # Shading and tone first, then contrast and sharpness, then grain, and last what covers parts of
    # a film, so that nothing changes its grey and black. The costly ones are left out where off.
    if ranges.style:
        films = _borrow_shading(films, ranges.style, generator)
    if ranges.local:
        films = _even_out(films, draw(ranges.local).abs().to(films.device).view(-1, 1, 1, 1))
    if ranges.tone:
        films = _bend_tone(films, ranges.tone, generator)
    contrast, brightness, gamma, sharpness = (
        draw(limit).to(films.device).view(-1, 1, 1, 1)
        for limit in (ranges.contrast, ranges.brightness, ranges.gamma, ranges.sharpness)
    )
    # Unsharp masking: what the blur takes out is the finest detail, added once more or less.
    films = films + sharpness * (films - _blur(films))
    # Contrast turns about the film's own middle, or every change of contrast would be one of
    # brightness, too.
    middle = films.mean((2, 3), keepdim=True)
    films = ((films - middle) * (1 + contrast) + middle + brightness).clamp(0, 1)
    films = films ** gamma.exp()  # an exponent as likely above 1 as below
    if ranges.noise:
        # Drawn on the CPU, as all else: a GPU would make other films of the same seed.
        grain = torch.randn(films.shape, generator=generator).to(films.device)
        films = (films + grain * draw(ranges.noise).to(films.device).view(-1, 1, 1, 1)).clamp(0, 1)

    sides = torch.stack([draw(ranges.border) for _ in range(4)], 1).clamp(min=0)  # half stay 0
    # Drawn for every film, also for those without a rectangle: how many numbers are drawn then does
    # not depend on chance, and neither does what the next batch gets.
    patch = torch.rand((len(films), 4), generator=generator)
    shown = torch.rand(len(films), generator=generator) < ranges.erase
    return _mask(films, sides.to(films.device), patch.to(films.device), shown.to(films.device))


def _draw(count: int, generator: torch.Generator, limit: float) -> torch.Tensor:
    """(N,) float32, uniform in [-limit, limit]."""
    return (torch.rand(count, generator=generator) * 2 - 1) * limit


def _borrow_shading(films: torch.Tensor, chance: float, generator: torch.Generator) -> torch.Tensor:
    """Give some films the lowest frequencies' amplitude of another film of the batch.

    Fourier domain adaptation (Yang and Soatto, CVPR 2020): phases, and with them anatomy, stay.
    """
    other = torch.randperm(len(films), generator=generator).to(films.device)
    taken = (torch.rand(len(films), generator=generator) < chance).to(films.device)
    # Of a real picture half the columns are enough; rows run from 0 up and, from the end, from -1
    # down, so the lowest frequencies lie at both ends.
    spectrum = torch.fft.rfft2(films)
    amplitude, low = spectrum.abs(), LOWEST + 1
    mixed = amplitude.clone()
    for rows in (slice(low), slice(1 - low, None)):
        mixed[..., rows, :low] = amplitude[other][..., rows, :low]
    mixed = torch.where(taken.view(-1, 1, 1, 1), mixed, amplitude)
    # Scaled and not rebuilt from amplitude and phase: no angle has to be computed.
    scaled = spectrum * (mixed / amplitude.clamp(min=1e-6))
    return torch.fft.irfft2(scaled, s=films.shape[-2:]).clamp(0, 1)


def _even_out(films: torch.Tensor, strength: torch.Tensor) -> torch.Tensor:
    """Blend each film (N, 1, S, S) with itself at even local contrast; strength (N, 1, 1, 1)."""
    side = films.shape[-1] // 8  # wider than a rib, narrower than a lung

    def smooth(values: torch.Tensor) -> torch.Tensor:
        coarse = F.avg_pool2d(values, side, stride=max(side // 2, 1))
        return F.interpolate(coarse, films.shape[-2:], mode="bilinear", align_corners=False)

    mean = smooth(films)
    deviation = smooth((films - mean).square()).sqrt()
    # The 0.05 keeps what is flat, such as the air around a child, from being blown up to noise.
    even = 0.5 + 0.2 * (films - mean) / (deviation + 0.05)
    return films + strength * (even.clamp(0, 1) - films)


def _bend_tone(films: torch.Tensor, range_: float, generator: torch.Generator) -> torch.Tensor:
    """Pass each film's grey levels through a random monotone curve of its own.

    A curve is steps of random height between evenly spaced knots; `range_` 0 leaves a film as it
    is, 1 draws the heights freely (Zhou et al., "Models Genesis", 2019, do so with Bezier curves).
    """
    steps = -torch.rand((len(films), KNOTS), generator=generator).clamp(min=1e-3).log()
    steps = (1 - range_) / KNOTS + range_ * steps / steps.sum(1, keepdim=True)
    curve = F.pad(steps.cumsum(1), (1, 0)).to(films.device)  # (N, KNOTS + 1)
    curve = curve / curve[:, -1:]
    # Each grey level between its two knots, in a straight line.
    place = films.flatten(1) * KNOTS
    left = place.floor().clamp(0, KNOTS - 1)
    low, high = (curve.gather(1, (left + side).long()) for side in (0, 1))
    return (low + (place - left) * (high - low)).view_as(films)


def _blur(films: torch.Tensor) -> torch.Tensor:
    """Binomial filter of 5 x 5 pixels, a Gaussian of one pixel."""
    line = torch.tensor([1.0, 4, 6, 4, 1], device=films.device) / 16
    padded = F.pad(films, (2, 2, 2, 2), mode="replicate")
    return F.conv2d(F.conv2d(padded, line.view(1, 1, 1, 5)), line.view(1, 1, 5, 1))


def _mask(
    films: torch.Tensor, sides: torch.Tensor, patch: torch.Tensor, shown: torch.Tensor
) -> torch.Tensor:
    """Black out a border and grey out one rectangle (random erasing, Zhong et al., 2020).

    Args:
        films: (N, 1, S, S).
        sides: (N, 4) share of the side that is black: left, right, top, bottom.
        patch: (N, 4) in [0, 1]: place (x, y) and size (w, h) of the rectangle.
        shown: (N,) bool: which films have a rectangle.
    """
    line = (torch.arange(films.shape[-1], device=films.device) + 0.5) / films.shape[-1]
    column, row = line.view(1, 1, 1, -1), line.view(1, 1, -1, 1)
    left, right, top, bottom = (s.view(-1, 1, 1, 1) for s in sides.T)
    inside = (column > left) & (column < 1 - right) & (row > top) & (row < 1 - bottom)
    x, y, w, h = (p.view(-1, 1, 1, 1) for p in patch.T)
    w, h = 0.05 + 0.3 * w, 0.05 + 0.3 * h
    erased = ((column - x).abs() < w / 2) & ((row - y).abs() < h / 2) & shown.view(-1, 1, 1, 1)
    # Grey as the film's mean, so that a rectangle does not change how bright the film is; a border
    # is black, as collimators leave it.
    grey = films.mean((2, 3), keepdim=True)
    return torch.where(erased, grey, films) * inside
