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
MAX_POINTS = 2000
_CELLS = 64
# Bands rather than a gradient: they read as contours, and a PNG of them is a few kilobytes.
_BANDS = 16
_BINS = 48
_HEADROOM = 1.5
# Of the data: what lies outside may be a few points far away.
_CENTRAL = (0.005, 0.995)
# A frame reaches so many times as far from the middle as what is to be seen in it.
_ROOM = 1.5
# Coordinates whose extents differ by less are drawn to the same scale.
_ALIKE = 3
# No group's colour: each group's pictures look like the others'.
DATA, GENERATED = (150, 150, 150), (34, 34, 34)
_WHITE, _JUDGED = (255, 255, 255), (120, 70, 170)
# Where D says generated, undecided, real: apart for every usual colour vision, and paler than the points.
_FAKE, _UNDECIDED, _REAL = (214, 202, 233), (250, 250, 250), (253, 221, 175)

Pixels = NDArray[np.uint8]
Span = tuple[float, float]


def frame_of(x: Tensor, begun: Tensor | None = None) -> list[Span]:
    """Choose the part of the plane that pictures show: one span for each of the first two coordinates.

    The data stand in the middle; it reaches half as far again as they do, or as the samples with which
    training began are away from there. So pictures of different groups and steps have the same frame wherever
    generators begin among the data, or alike. Both extents are those of all but one in a hundred points.

    Args:
        x: the data (N, d).
        begun: samples (n, d) of the untrained generator.
    """
    seen = min(2, x.shape[1])
    low, high = np.quantile(x[:, :seen].double().numpy(), _CENTRAL, axis=0)
    centre, reach = (low + high) / 2, (high - low) / 2
    if begun is not None:
        away = np.abs(begun[:, :seen].double().numpy() - centre)
        reach = np.maximum(reach, np.quantile(away, _CENTRAL[1], axis=0))
    widest = reach.max()
    if widest < _ALIKE * reach.min() or not reach.min():
        reach = np.full_like(reach, widest)
    half = _ROOM * reach + 1e-6 if widest else np.ones_like(reach)
    return [(float(low), float(high)) for low, high in zip(centre - half, centre + half, strict=True)]


def within(points: Tensor, frame: list[Span]) -> NDArray[Any]:
    """Take the first 2,000 points, float64 (n, 1 or 2); those beyond the frame are moved to its edge."""
    low, high = np.array(frame).T
    seen: NDArray[Any] = points[:MAX_POINTS, : len(frame)].double().numpy()
    return seen.clip(low, high)


def shares(points: Tensor, span: Span) -> tuple[NDArray[Any], NDArray[Any]]:
    """Compute a histogram of points on a line: the share of all in each bin, and the bins' edges.

    The outermost bins hold what lies beyond the span too.
    """
    inside = np.clip(points[:, 0].double().numpy(), *span)
    counts, edges = np.histogram(inside, bins=_BINS, range=span)
    return counts / len(points), edges


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


def draw_plane(
    data: Tensor, samples: Tensor | None, surface: NDArray[Any] | None, frame: list[Span]
) -> Image.Image:
    """Draw a picture of 192 pixels per side, of few colours.

    Of two coordinates (the first two of more): the data grey, the samples dark, behind them D, from purple
    (generated) to orange (real). Of one: the data's histogram grey, the samples' outlined dark, D(x) from 0
    to 1 purple, with a line at 1/2. What lies beyond the frame is drawn on its edge.

    Args:
        data: (N, d), the first 2,000 of which are drawn, on a line all.
        samples: (n, d), likewise; None for the data alone.
        surface: as `surface_of` gives it.
        frame: as `frame_of` gives it.
    """
    pixels = np.full((PIXELS, PIXELS, 3), _WHITE, dtype=np.uint8)
    if len(frame) == 1:
        _histograms(pixels, data, samples, frame[0], surface)
    else:
        if surface is not None:
            pixels[:] = _bands(np.kron(surface, np.ones((PIXELS // _CELLS, PIXELS // _CELLS))))
        for points, colour in ((data, DATA), (samples, GENERATED)):
            if points is not None:
                _dots(pixels, points, frame, colour)
    return Image.fromarray(pixels).quantize(64, dither=Image.Dither.NONE)


def _bands(surface: NDArray[Any]) -> Pixels:
    level = np.minimum((surface * _BANDS).astype(int), _BANDS - 1) / (_BANDS - 1)
    shades = [
        np.interp(level, [0, 0.5, 1], channel) for channel in zip(_FAKE, _UNDECIDED, _REAL, strict=True)
    ]
    return np.stack(shades, axis=-1).round().astype(np.uint8)


def _dots(pixels: Pixels, points: Tensor, frame: list[Span], colour: tuple[int, int, int]) -> None:
    """Draw a dot of two pixels per side for each point."""
    low, high = np.array(frame).T
    across, up = ((within(points, frame) - low) / (high - low) * (PIXELS - 2)).round().astype(int).T
    for right, down in ((0, 0), (0, 1), (1, 0), (1, 1)):
        pixels[PIXELS - 2 - up + down, across + right] = colour


def _histograms(
    pixels: Pixels, data: Tensor, samples: Tensor | None, span: Span, surface: NDArray[Any] | None
) -> None:
    of_data, _ = shares(data, span)
    top = of_data.max() * _HEADROOM
    rows = np.arange(PIXELS)[:, None]
    pixels[rows >= PIXELS - _scaled(of_data, top)] = DATA
    if samples is not None:
        height = _scaled(shares(samples, span)[0], top)
        # A step from bin to bin is drawn whole.
        before = np.concatenate([height[:1], height[:-1]])
        low, high = np.minimum(height, before), np.maximum(height, before)
        pixels[(rows >= PIXELS - high - 1) & (rows <= PIXELS - low) & (high > 0)] = GENERATED
    if surface is not None:
        pixels[PIXELS // 2, ::4] = _JUDGED
        at = np.round((1 - surface) * (PIXELS - 2)).astype(int)
        before = np.concatenate([at[:1], at[:-1]])
        pixels[(rows >= np.minimum(at, before)) & (rows <= np.maximum(at, before) + 1)] = _JUDGED


def _scaled(heights: NDArray[Any], top: float) -> NDArray[Any]:
    """Heights of bins in pixels, for each column of the picture."""
    scaled = np.minimum(np.round(heights / top * PIXELS), PIXELS - 2).astype(int)
    return np.repeat(scaled, PIXELS // _BINS)
