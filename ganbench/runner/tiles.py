"""Images in rows on one canvas, with a line between them and numbers beside the rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

SIDE = 8
GAP_GREY = 96
WHITE = 255
_GAP = 1
# Pixels per side of a small picture's images.
_THUMBNAIL = 64
# Ten digits, each five rows of three pixels: at eight pixels an image, no font is legible.
_DIGITS = ("75557", "26227", "71747", "71717", "55711", "74717", "74757", "71222", "75757", "75717")
_DIGIT_HEIGHT = 5
# Images of fewer pixels than twice this have the digits as they are.
_PIXELS_A_DOT = 14


def tile(x: Tensor, rows: Sequence[Tensor], names: Sequence[str] = (), across: int = SIDE) -> Image.Image:
    """Tile images, with a grey line between them.

    Args:
        x: uint8 (N, C, H, W).
        rows: the images of each row, by their places in x.
        names: a number, or nothing, to stand at the left of each row; none for no margin.
        across: images per full row.
    """
    pixels = x.numpy()
    _, channels, height, width = pixels.shape
    # A line between neighbours: where the background is dark, small pictures run together without it.
    canvas = np.full(
        (len(rows) * (height + _GAP) - _GAP, across * (width + _GAP) - _GAP, channels),
        GAP_GREY,
        dtype=np.uint8,
    )
    for down, row in enumerate(rows):
        for beside, index in enumerate(row.tolist()):
            top, left = down * (height + _GAP), beside * (width + _GAP)
            canvas[top : top + height, left : left + width] = pixels[index].transpose(1, 2, 0)
    if names:
        margin = _numbers(names, height)
        canvas = np.concatenate([margin[: len(canvas), :, np.newaxis].repeat(channels, 2), canvas], axis=1)
    return picture_of(canvas)


def picture_of(pixels: NDArray[Any]) -> Image.Image:
    """Make a picture of pixels (H, W, C): grey of one channel, in colour of more."""
    return Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels[:, :, :3])


def reduced(x: Tensor) -> Tensor:
    """Reduce images uint8 (N, C, H, W) to at most 64 pixels per side, by averaging."""
    factor = -(-max(x.shape[2:]) // _THUMBNAIL)
    if factor == 1:
        return x
    return nn.functional.avg_pool2d(x.float(), factor, ceil_mode=True).round().to(torch.uint8)


def _numbers(names: Sequence[str], height: int) -> NDArray[np.uint8]:
    """Draw a margin with a number, or nothing, beside each row of images of this height."""
    scale = max(1, height // _PIXELS_A_DOT)
    longest = max(map(len, names))
    margin = np.full((len(names) * (height + _GAP), (4 * longest + 1) * scale), GAP_GREY, dtype=np.uint8)
    for row, name in enumerate(names):
        top = row * (height + _GAP) + max(0, height - _DIGIT_HEIGHT * scale) // 2
        # Numbers of different lengths end in one line.
        for place, digit in enumerate(name, longest - len(name)):
            dots = np.array([[int(line) >> shift & 1 for shift in (2, 1, 0)] for line in _DIGITS[int(digit)]])
            glyph = np.kron(dots, np.ones((scale, scale), dtype=int)).astype(bool)
            left = (4 * place + 1) * scale
            area = margin[top : top + glyph.shape[0], left : left + glyph.shape[1]]
            area[glyph[: area.shape[0]]] = WHITE
    return margin
