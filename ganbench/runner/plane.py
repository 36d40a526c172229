"""Points as a small picture: data, samples and what the discriminator says of the plane around them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

PIXELS = 192
_CELLS = 64
_POINTS = 2000
# Bands rather than a gradient: they read as contours, and a PNG of them is a few kilobytes.
_BANDS = 16
_BINS = 48
_HEADROOM = 1.5
_WHITE, _GREY, _BLUE, _DARK = (255, 255, 255), (150, 150, 150), (0, 114, 178), (110, 60, 0)
# Where D says generated, undecided, real: apart for every usual colour vision, and paler than the points.
_FAKE, _UNDECIDED, _REAL = (205, 190, 228), (247, 247, 247), (253, 214, 160)

Pixels = NDArray[np.uint8]
Span = tuple[float, float]


def frame_of(x: Tensor) -> list[Span]:
    """The part of the plane that pictures show: one span for each of the first two coordinates.

    The data sets it, so that pictures of different arms and steps can be laid over each other.

    Args:
        x: the data (N, d).
    """
    low, high = x.numpy().min(0), x.numpy().max(0)
    widest = (high - low).max()
    margin = 0.25 * widest + 1e-6 if widest > 0 else 1.0
    return [(float(low[axis] - margin), float(high[axis] + margin)) for axis in range(min(2, x.shape[1]))]


@torch.no_grad()
def surface_of(
    discriminator: nn.Module,
    logit: Callable[[Tensor], Tensor],
    frame: list[Span],
    device: torch.device,
) -> NDArray[Any] | None:
    """D(x) as a probability over a frame, from a copy in eval mode: nothing of the training changes.

    Args:
        discriminator: takes points of as many coordinates as the frame has.
        logit: what the loss makes of its scores.
        frame: one span or two.
        device: where it is.

    Returns:
        (192,) from left to right, or (64, 64) from top to bottom; None where D does not judge each point.
    """
    copied = copy.deepcopy(discriminator).eval()
    dtype = next((parameter.dtype for parameter in copied.parameters()), torch.float32)
    sides = [torch.linspace(low, high, PIXELS if len(frame) == 1 else _CELLS) for low, high in frame]
    if len(frame) == 1:
        places = sides[0][:, None]
    else:
        down, across = torch.meshgrid(sides[1].flip(0), sides[0], indexing="ij")
        places = torch.stack([across.flatten(), down.flatten()], 1)
    scores = copied(places.to(device, dtype))
    if scores.shape[0] != len(places):
        return None
    told = torch.sigmoid(logit(scores)).reshape([len(side) for side in sides]).float().cpu()
    return np.asarray(torch.nan_to_num(told, nan=0.5).numpy())


def draw_plane(data: Tensor, samples: Tensor | None, surface: NDArray[Any] | None) -> Image.Image:
    """A picture of 192 pixels a side, of few colours.

    Of two coordinates (the first two of more): the data grey, the samples blue, behind them D, from purple
    (generated) to orange (real). Of one: the data's histogram grey, the samples' outlined in blue, D(x) from
    0 to 1 dark, with a line at 1/2.

    Args:
        data: (N, d).
        samples: (n, d), the first 2,000 of which are drawn; None for the data alone.
        surface: as `surface_of` gives it.
    """
    frame = frame_of(data)
    pixels = np.full((PIXELS, PIXELS, 3), _WHITE, dtype=np.uint8)
    if len(frame) == 1:
        _histograms(pixels, data, samples, frame[0], surface)
    else:
        if surface is not None:
            pixels[:] = _bands(np.kron(surface, np.ones((PIXELS // _CELLS, PIXELS // _CELLS))))
        for points, colour in ((data, _GREY), (samples, _BLUE)):
            if points is not None:
                _dots(pixels, points[:_POINTS], frame, colour)
    return Image.fromarray(pixels).quantize(64, dither=Image.Dither.NONE)


def _bands(surface: NDArray[Any]) -> Pixels:
    level = np.minimum((surface * _BANDS).astype(int), _BANDS - 1) / (_BANDS - 1)
    shades = [
        np.interp(level, [0, 0.5, 1], channel) for channel in zip(_FAKE, _UNDECIDED, _REAL, strict=True)
    ]
    return np.stack(shades, axis=-1).round().astype(np.uint8)


def _dots(pixels: Pixels, points: Tensor, frame: list[Span], colour: tuple[int, int, int]) -> None:
    """A dot of two pixels a side for each point within the frame."""
    columns, rows = (_places(points[:, axis], frame[axis]) for axis in (0, 1))
    inside = (columns >= 0) & (columns < PIXELS - 1) & (rows >= 0) & (rows < PIXELS - 1)
    columns, rows = columns[inside], PIXELS - 2 - rows[inside]
    for down, across in ((0, 0), (0, 1), (1, 0), (1, 1)):
        pixels[rows + down, columns + across] = colour


def _places(values: Tensor, span: Span) -> NDArray[Any]:
    low, high = span
    share = (values.double().numpy() - low) / (high - low)
    return np.floor(np.clip(share, -1, 2) * PIXELS).astype(int)


def _histograms(
    pixels: Pixels, data: Tensor, samples: Tensor | None, span: Span, surface: NDArray[Any] | None
) -> None:
    of_data = _heights(data, span)
    top = of_data.max() * _HEADROOM
    rows = np.arange(PIXELS)[:, None]
    pixels[rows >= PIXELS - _scaled(of_data, top)] = _GREY
    if samples is not None:
        height = _scaled(_heights(samples, span), top)
        # A step from bin to bin is drawn whole.
        before = np.concatenate([height[:1], height[:-1]])
        low, high = np.minimum(height, before), np.maximum(height, before)
        pixels[(rows >= PIXELS - high - 1) & (rows <= PIXELS - low) & (high > 0)] = _BLUE
    if surface is not None:
        pixels[PIXELS // 2, ::4] = _DARK
        at = np.round((1 - surface) * (PIXELS - 2)).astype(int)
        before = np.concatenate([at[:1], at[:-1]])
        pixels[(rows >= np.minimum(at, before)) & (rows <= np.maximum(at, before) + 1)] = _DARK


def _heights(points: Tensor, span: Span) -> NDArray[Any]:
    counts, _ = np.histogram(points[:, 0].numpy(), bins=_BINS, range=span)
    return counts / len(points)


def _scaled(heights: NDArray[Any], top: float) -> NDArray[Any]:
    """Heights of bins in pixels, for each column of the picture."""
    scaled = np.minimum(np.round(heights / top * PIXELS), PIXELS - 2).astype(int)
    return np.repeat(scaled, PIXELS // _BINS)
