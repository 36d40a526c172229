"""Geometric changes of images by a random share of a batch, as Karras et al. (2020) make them.

All are differentiable in the images, as often as a gradient penalty asks for: images are read by indices, not
by torch's grid_sample, which can be differentiated once.
"""

from __future__ import annotations

import contextlib
import math

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d, pad

from ganbench.api import Game
from ganbench.zoo.augmentations.draws import chosen, whole

# Ranges and spreads of the authors' code: of a side, of log2 of a factor, of a side.
TRANSLATION_SHARE = 0.125
SCALE_STD = 0.2
FRACTION_STD = 0.125
# The low-pass filter of the wavelet sym6 (Daubechies, 1992), as the paper's appendix B has it.
SYM6 = (
    0.015404109327027373,
    0.0034907120842174702,
    -0.11799011114819057,
    -0.048311742585633,
    0.4910559419267466,
    0.787641141030194,
    0.3379294217276218,
    -0.07263752278646252,
    -0.021060292512300564,
    0.04472490177066578,
    0.0017677118642428036,
    -0.007800708325034148,
)
# The entry next to the filter's centre of mass.
_CENTRE = 5
_MARGIN = 3

MIN_SIDE = _MARGIN + 1
"""Least pixels of a side, which the filter's borders are mirrored from."""


def flipped(x: Tensor, p: Tensor, game: Game) -> Tensor:
    """Mirror half of the chosen images, left for right."""
    mirrored = chosen(x, p, game) & (game.uniform(len(x), 1, 1, 1) < 0.5)
    return x.flip(3).where(mirrored, x)


def turned(x: Tensor, p: Tensor, game: Game) -> Tensor:
    """Turn each chosen image by 0, 90, 180 or 270 degrees; of images that are not square, by 0 or 180."""
    quarters = whole(game, len(x), 0, 3).view(-1, 1, 1, 1)
    picked = chosen(x, p, game)
    turns = (1, 2, 3) if x.shape[2] == x.shape[3] else (2,)
    found = x
    for turn in turns:
        found = x.rot90(turn, (2, 3)).where(picked & (quarters == turn), found)
    return found


def moved(x: Tensor, p: Tensor, game: Game) -> Tensor:
    """Move each chosen image by whole pixels, up to an eighth of a side; what comes in is mirrored."""
    size, height, width = len(x), x.shape[2], x.shape[3]
    down, right = (
        ((game.uniform(size) * 2 - 1) * TRANSLATION_SHARE * side).round().long() for side in (height, width)
    )
    picked = chosen(x, p, game)
    rows = torch.arange(height, device=x.device)[None, :] - down[:, None]
    columns = torch.arange(width, device=x.device)[None, :] - right[:, None]
    return _pixels(x, _mirrored(rows, height)[:, :, None], _mirrored(columns, width)[:, None, :]).where(
        picked, x
    )


class Warp(nn.Module):
    """Scale, rotate and shift images by fractions of pixels, in one step, each with a probability.

    The images are enlarged twofold by a wavelet's filter, read between their pixels, and reduced again, so
    that little is smoothed away and little aliased (appendix B). Beyond the borders they are mirrored.
    """

    def __init__(self) -> None:
        super().__init__()
        self.filter: Tensor
        taps = torch.tensor(SYM6, dtype=torch.float64)
        self.register_buffer("filter", taps / taps.sum())

    def forward(self, x: Tensor, p: Tensor, game: Game) -> Tensor:
        """Change some of the images (batch, channels, height, width); the others stay to the bit.

        Args:
            x: the images.
            p: scalar, the probability of each operation.
            game: draws.
        """
        with _full_precision(x):
            inverse, changes = self._drawn(x, p, game)
            return self._resampled(x, inverse).where(changes, x)

    def _drawn(self, x: Tensor, p: Tensor, game: Game) -> tuple[Tensor, Tensor]:
        """Draw where pixels are read, matrices (batch, 2, 3) in pixels from the middle; and who changes."""
        size = len(x)
        # Of both rotations together, one at least has the probability p.
        half = 1 - (1 - p).clamp(min=0).sqrt()
        no = torch.zeros(size, device=x.device, dtype=p.dtype)
        picked: list[Tensor] = []

        def picks(probability: Tensor, value: Tensor) -> Tensor:
            """Leave a value where its operation is picked, and 0 elsewhere."""
            pick = game.uniform(size) < probability
            picked.append(pick)
            return value.where(pick, no)

        scale = torch.exp2(-picks(p, game.normal(size) * SCALE_STD))
        before = picks(half, (game.uniform(size) * 2 - 1) * math.pi)
        stretch = torch.exp2(-picks(p, game.normal(size) * SCALE_STD))
        after = picks(half, (game.uniform(size) * 2 - 1) * math.pi)
        shares = game.normal(2, size) * FRACTION_STD
        move = game.uniform(size) < p
        picked.append(move)
        right, down = (shares[0] * x.shape[3]).where(move, no), (shares[1] * x.shape[2]).where(move, no)
        matrix = _rotation(before) * scale.view(-1, 1, 1)
        matrix = _product(matrix, _diagonal(stretch, 1 / stretch))
        matrix = _product(matrix, _rotation(after))
        shift = -_product(matrix, torch.stack((right, down), 1).unsqueeze(2))
        return torch.cat((matrix, shift), 2), torch.stack(picked).any(0).view(-1, 1, 1, 1)

    def _resampled(self, x: Tensor, inverse: Tensor) -> Tensor:
        """Read images at the places that a matrix gives, about the middle of each."""
        height, width = x.shape[2:]
        enlarged = self._enlarged(x)
        # Places of the pixels of the enlarged result, with what the filter needs beyond its borders.
        down, right = (
            (torch.arange(-_CENTRE, 2 * side + _CENTRE, device=x.device) / 2 - (side - 1) / 2).to(
                inverse.dtype
            )
            for side in (height, width)
        )
        places = (
            inverse[:, row, 0, None, None] * right
            + inverse[:, row, 1, None, None] * down[:, None]
            + inverse[:, row, 2, None, None]
            for row in (0, 1)
        )
        columns, rows = (
            _folded(place + (side - 1) / 2, side - 1) * 2
            for place, side in zip(places, (width, height), strict=True)
        )
        return self._reduced(_between(enlarged, rows, columns))

    def _enlarged(self, x: Tensor) -> Tensor:
        """Enlarge twofold: pixel i comes to lie on 2i; (batch, channels, 2 height, 2 width)."""
        batch, channels, height, width = x.shape
        taps = 2 * self.filter.to(x.dtype)
        wide = pad(x.reshape(-1, 1, height, width), [_MARGIN] * 4, mode="reflect")
        for dimension in (0, 1):
            shape, stride = _along(dimension, len(taps)), _along(dimension, 2)
            wide = conv_transpose2d(wide, taps.view(1, 1, *shape), stride=stride)
        # Of 2 (side + 6) - 2 + 12 entries those from the first pixel's on.
        first = 2 * _MARGIN + _CENTRE
        wide = wide[:, :, first : first + 2 * height, first : first + 2 * width]
        return wide.reshape(batch, channels, 2 * height, 2 * width)

    def _reduced(self, x: Tensor) -> Tensor:
        """Undo an enlargement; (batch, channels, (height - 10) / 2, (width - 10) / 2)."""
        batch, channels, height, width = x.shape
        taps = self.filter.to(x.dtype)
        narrow = x.reshape(-1, 1, height, width)
        for dimension in (0, 1):
            shape, stride = _along(dimension, len(taps)), _along(dimension, 2)
            narrow = conv2d(narrow, taps.view(1, 1, *shape), stride=stride)
        return narrow.reshape(batch, channels, *narrow.shape[2:])


def _along(dimension: int, size: int) -> tuple[int, int]:
    return (size, 1) if dimension == 0 else (1, size)


def _between(x: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Read images between their pixels, in proportion to how near these are.

    Args:
        x: (batch, channels, height, width).
        rows: (batch, h, w), from 0 to height - 2.
        columns: the same of the width.
    """
    top, left = rows.floor(), columns.floor()
    below, beside = (
        (place - first).unsqueeze(1).to(x.dtype) for place, first in ((rows, top), (columns, left))
    )
    r, c = top.long(), left.long()
    upper = _pixels(x, r, c) * (1 - beside) + _pixels(x, r, c + 1) * beside
    lower = _pixels(x, r + 1, c) * (1 - beside) + _pixels(x, r + 1, c + 1) * beside
    return upper * (1 - below) + lower * below


def _pixels(x: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Take pixels (batch, channels, h, w) by rows and columns that broadcast to (batch, h, w)."""
    images = torch.arange(len(x), device=x.device)[:, None, None]
    # Channels last, as indices that a slice parts come first.
    return x.permute(0, 2, 3, 1)[images, rows, columns].permute(0, 3, 1, 2)


def _mirrored(indices: Tensor, side: int) -> Tensor:
    """Fold indices back into an image's side, about the centres of its outermost pixels."""
    inside = indices.abs()
    return (side - 1) - ((side - 1) - inside).abs()


def _folded(places: Tensor, last: int) -> Tensor:
    """Fold places into [0, last], to and fro as often as it takes."""
    there_and_back = torch.remainder(places, 2 * last)
    return last - (there_and_back - last).abs()


def _rotation(angle: Tensor) -> Tensor:
    """Matrices (batch, 2, 2) that turn by angles (batch,)."""
    cos, sin = angle.cos(), angle.sin()
    return torch.stack((torch.stack((cos, -sin), 1), torch.stack((sin, cos), 1)), 1)


def _diagonal(one: Tensor, other: Tensor) -> Tensor:
    """Matrices (batch, 2, 2) with these entries (batch,) on the diagonal."""
    return torch.diag_embed(torch.stack((one, other), 1))


def _product(one: Tensor, other: Tensor) -> Tensor:
    """Products of matrices (batch, 2, 2) and (batch, 2, n), without the low precision of autocast."""
    return (one.unsqueeze(3) * other.unsqueeze(1)).sum(2)


def _full_precision(x: Tensor) -> contextlib.AbstractContextManager[object]:
    """Keep places of pixels and filters out of autocast's low precision; `meta` knows no autocast."""
    if x.device.type == "meta":
        return contextlib.nullcontext()
    return torch.autocast(x.device.type, enabled=False)
