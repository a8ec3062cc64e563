"""Random changes to a batch of films, each film its own, on the device the model trains on."""

import math

import torch
import torch.nn.functional as F

from train.recipe import Augment


def augment(films: torch.Tensor, ranges: Augment, generator: torch.Generator) -> torch.Tensor:
    """Flip, rotate, zoom, stretch, shift and re-expose a batch.

    Args:
        films: (N, 1, S, S) float32 in [0, 1].
        ranges: How far each change may go.
        generator: A CPU generator, so that a seed gives the same films on every device.

    Returns:
        (N, 1, S, S) float32 in [0, 1]; what comes in from outside the film is black.
    """

    def draw(limit: float) -> torch.Tensor:  # (N,) uniform in [-limit, limit]
        return (torch.rand(len(films), generator=generator) * 2 - 1) * limit

    angle = draw(math.radians(ranges.rotation))
    scale = 1 + draw(ranges.zoom)
    stretch = torch.exp(draw(ranges.aspect) / 2)
    mirror = torch.where(torch.rand(len(films), generator=generator) < ranges.flip, -1.0, 1.0)
    cos, sin = angle.cos(), angle.sin()
    x = torch.stack([cos * scale * stretch * mirror, -sin * scale, 2 * draw(ranges.shift)], 1)
    y = torch.stack([sin * scale * mirror, cos * scale / stretch, 2 * draw(ranges.shift)], 1)
    matrix = torch.stack([x, y], 1).to(films.device)  # (N, 2, 3), output -> input coordinates
    grid = F.affine_grid(matrix, list(films.shape), align_corners=False)
    films = F.grid_sample(films, grid, align_corners=False)

    contrast = (1 + draw(ranges.contrast)).to(films.device).view(-1, 1, 1, 1)
    brightness = draw(ranges.brightness).to(films.device).view(-1, 1, 1, 1)
    middle = films.mean((2, 3), keepdim=True)
    return ((films - middle) * contrast + middle + brightness).clamp(0, 1)
