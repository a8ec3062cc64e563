"""A U-Net with two more heads (Ronneberger, Fischer, Brox, MICCAI 2015), small and dense.

The finest level has half the input's side: masks are drawn there and stretched, which costs less
than a boundary's width and spares three quarters of the work. Plain convolutions throughout,
because bfloat16 speeds up those alone (`train.epoch.half_precision`).
"""

import torch
import torch.nn.functional as F
from torch import nn

from cxrapp.model.lungs import KINDS

WIDTHS = (24, 48, 96, 160, 192)  # channels of each level, from the finest
PLACES = 3  # a side: the grid on which the deepest level is read, so that places count


class LungNet(nn.Module):
    """Films (N, 1, S, S) in [0, 1] -> logits of masks (N, 2, S, S), kinds (N, 7), adult (N,).

    The masks are of the lung on the film's left and the lung on its right.
    """

    def __init__(self, widths: tuple[int, ...] = WIDTHS) -> None:
        super().__init__()
        inputs = (1, *widths[:-1])  # films are grey: one channel
        self.down = nn.ModuleList(
            # Halved by strides, not by pooling: (S / 2, S / 4, ... S / 32) pixels a side.
            nn.Sequential(_block(i, o, stride=2), _block(o, o))
            for i, o in zip(inputs, widths, strict=True)
        )
        pairs = list(zip(widths[:-1], widths[1:], strict=True))[::-1]
        # Upwards, each level sees what comes from below beside what it saw on the way down, where
        # edges are still sharp.
        self.up = nn.ModuleList(_block(fine + coarse, fine) for fine, coarse in pairs)
        self.masks = nn.Conv2d(widths[0], 2, 1)
        # Narrowed before it is laid out by places: 576 numbers a film and not 1,728.
        self.read = nn.Sequential(
            _block(widths[-1], 64, kernel=1), nn.AdaptiveAvgPool2d(PLACES), nn.Dropout(0.2)
        )
        self.answer = nn.Linear(64 * PLACES**2, len(KINDS) + 1)  # the last is for adults

    def forward(self, films: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        levels = self.encode(films)
        answers = self.answer(self.read(levels[-1]).flatten(1))  # (N, 8)
        return self.draw_masks(levels, films), answers[:, :-1], answers[:, -1]

    def encode(self, films: torch.Tensor) -> list[torch.Tensor]:
        """Every level, from the finest: (N, C, S / 2, .) to (N, 192, S / 32, .)."""
        mean = films.mean((2, 3), keepdim=True)
        deviation = (films - mean).square().mean((2, 3), keepdim=True).sqrt()
        x = (films - mean) / (deviation + 0.02)  # exposure says nothing; a plain field stays plain
        levels: list[torch.Tensor] = []
        for down in self.down:
            x = down(x)
            # All are kept, since the way up draws on each of them.
            levels.append(x)
        return levels

    def draw_masks(self, levels: list[torch.Tensor], films: torch.Tensor) -> torch.Tensor:
        """Logits (N, 2, S, S)."""
        x, place = levels[-1], len(levels) - 1
        for up in self.up:
            place -= 1
            fine = levels[place]
            # To the side of the finer level, whatever that is: S need not be a multiple of 32.
            x = F.interpolate(x, fine.shape[-2:], mode="bilinear", align_corners=False)
            x = up(torch.cat([fine, x], 1))
        return F.interpolate(self.masks(x), films.shape[-2:], mode="bilinear", align_corners=False)

    def describe(self, deepest: torch.Tensor) -> torch.Tensor:
        """What the deepest level says of a film, on average over its places: (N, 192)."""
        return deepest.mean((2, 3))


def _block(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        # Without a bias, which the normalisation behind it would take out again.
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class ExportedLungs(nn.Module):
    """What is stored: probabilities in place of logits, adults told by a head of their own."""

    def __init__(self, network: LungNet, adult: nn.Linear) -> None:
        super().__init__()
        self.network = network
        self.adult = adult

    def forward(self, films: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        network = self.network
        levels = network.encode(films)
        # The last of these answers is left out: the head fitted afterwards takes its place.
        kinds = network.answer(network.read(levels[-1]).flatten(1))[:, :-1]
        adult = self.adult(network.describe(levels[-1]))[:, 0]
        # Probabilities, which the clinic holds against limits without knowing how they came about.
        return network.draw_masks(levels, films).sigmoid(), kinds.softmax(1), adult.sigmoid()
