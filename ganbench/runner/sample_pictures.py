"""Samples as one picture: a grid of images, or a scatter of points over the data."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from ganbench.api import Samples, Signature
from ganbench.errors import Unsupported
from ganbench.runner.point_pictures import DATA, GENERATED, MAX_POINTS, Span, frame_of, shares, within
from ganbench.runner.sampling import chosen, first

SIDE = 8
_MAX_CLASSES = 20
# Classes are drawn as in the data: so many times as many as are shown leave hardly a row unfilled.
_SPARE = 4
_MIN_SIDE_PIXELS = 256
_GAP = 1
_GAP_GREY = 96
_NUMBER_WHITE = 255
# Ten digits, each five rows of three pixels: at eight pixels an image, no font is legible.
_DIGITS = ("75557", "26227", "71747", "71717", "55711", "74717", "74757", "71222", "75757", "75717")
_DIGIT_HEIGHT = 5
# Images of fewer pixels than twice this have the digits as they are.
_PIXELS_A_DOT = 14


def drawn(signature: Signature, *, conditional: bool) -> int:
    """Count the samples that must be generated for a cell's picture."""
    if signature.kind != "image":
        return MAX_POINTS
    if conditional and signature.classes is not None:
        return min(_SPARE * SIDE * signature.classes, MAX_POINTS)
    return SIDE * SIDE


def shown(samples: Samples, signature: Signature) -> Samples:
    """Choose the samples of a cell that its picture shows.

    The first 64 images, or 2,000 points; of images with labels the first eight of each class, of the first 20
    classes that occur.
    """
    if signature.kind != "image" or samples.labels is None:
        return first(samples, drawn(signature, conditional=False))
    rows = [row[:SIDE] for row in _by_class(samples.labels)[:_MAX_CLASSES]]
    return chosen(samples, torch.cat(rows))


def draw_samples(
    samples: Samples, signature: Signature, data: Samples, frame: list[Span] | None = None
) -> bytes:
    """Draw a PNG of all samples, eight per row; of points, the first 2,000 with the data behind them.

    Images with labels come class by class, each class beginning a row, its number at the left. Small images
    are enlarged by a whole factor, without smoothing.

    Args:
        samples: what to draw.
        signature: what one sample looks like.
        data: the training data.
        frame: the part of the plane that a picture of points shows; what the data need unless given.
    """
    if signature.kind != "image":
        return _points(samples, data, frame or frame_of(data.x))
    picture = tiled(samples)
    factor = max(1, -(-_MIN_SIDE_PIXELS // max(picture.size)))
    return png(picture.resize((picture.width * factor, picture.height * factor), Image.Resampling.NEAREST))


def tiled(samples: Samples) -> Image.Image:
    """Tile images, eight per row, with a grey line between them.

    Those with labels come class by class, each class from a new row, its number at the left.
    """
    x = samples.x.numpy()
    count, channels, height, width = x.shape
    groups = [torch.arange(count)] if samples.labels is None else _by_class(samples.labels)
    rows = [row for group in groups for row in torch.split(group, SIDE)]
    # A line between neighbours: where the background is dark, small pictures run together without it.
    canvas = np.full(
        (len(rows) * (height + _GAP) - _GAP, SIDE * (width + _GAP) - _GAP, channels),
        _GAP_GREY,
        dtype=np.uint8,
    )
    for down, row in enumerate(rows):
        for across, index in enumerate(row.tolist()):
            top, left = down * (height + _GAP), across * (width + _GAP)
            canvas[top : top + height, left : left + width] = x[index].transpose(1, 2, 0)
    if samples.labels is not None:
        firsts = [int(samples.labels[row[0]]) for row in rows]
        names = ["" if label in firsts[:at] else str(label) for at, label in enumerate(firsts)]
        margin = _numbers(names, height)
        canvas = np.concatenate([margin[: len(canvas), :, np.newaxis].repeat(channels, 2), canvas], axis=1)
    return _picture(canvas)


def _numbers(names: Sequence[str], height: int) -> NDArray[np.uint8]:
    """Draw a margin with a number, or nothing, beside each row of images of this height."""
    scale = max(1, height // _PIXELS_A_DOT)
    longest = max(map(len, names))
    margin = np.full((len(names) * (height + _GAP), (4 * longest + 1) * scale), _GAP_GREY, dtype=np.uint8)
    for row, name in enumerate(names):
        top = row * (height + _GAP) + max(0, height - _DIGIT_HEIGHT * scale) // 2
        # Numbers of different lengths end in one line.
        for place, digit in enumerate(name, longest - len(name)):
            dots = np.array([[int(line) >> shift & 1 for shift in (2, 1, 0)] for line in _DIGITS[int(digit)]])
            glyph = np.kron(dots, np.ones((scale, scale), dtype=int)).astype(bool)
            left = (4 * place + 1) * scale
            area = margin[top : top + glyph.shape[0], left : left + glyph.shape[1]]
            area[glyph[: area.shape[0]]] = _NUMBER_WHITE
    return margin


def png(picture: Image.Image) -> bytes:
    """Encode a picture as a PNG: equal pixels give equal bytes."""
    stream = io.BytesIO()
    picture.save(stream, format="png")
    return stream.getvalue()


def write_images(samples: Samples, folder: Path) -> None:
    """Write one PNG per image, `00000.png` on, pixel by pixel as they were scored.

    Raises:
        Unsupported: the samples are points.
        OSError: the file system refuses.
    """
    if samples.x.ndim != 4:
        raise Unsupported("points cannot be written as pictures of their own; use FILE.npz or FILE.png")
    folder.mkdir(parents=True, exist_ok=True)
    # Whoever reads them sorts by name.
    digits = max(5, len(str(len(samples) - 1)))
    for index, image in enumerate(samples.x.numpy()):
        _picture(image.transpose(1, 2, 0)).save(folder / f"{index:0{digits}}.png")


def _picture(pixels: np.ndarray[Any, Any]) -> Image.Image:
    return Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels[:, :, :3])


def _by_class(labels: Tensor) -> list[Tensor]:
    """List the places of each class that occurs, in the order of the classes."""
    return [(labels == label).nonzero().squeeze(1) for label in labels.bincount().nonzero()]


def _points(samples: Samples, data: Samples, frame: list[Span]) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4, 4), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for points, colour, label in ((data.x, DATA, "data"), (samples.x, GENERATED, "generated")):
        shade = [level / 255 for level in colour]
        if len(frame) == 1:
            heights, edges = shares(points, frame[0])
            axes.stairs(heights, edges, fill=label == "data", color=shade, label=label)
        else:
            across, up = within(points, frame).T
            axes.scatter(across, up, s=3, color=shade, label=label, linewidths=0, clip_on=False)
    axes.set_xlim(*frame[0])
    if len(frame) == 1:
        axes.set_ylabel("share of all")
    else:
        axes.set_ylim(*frame[1])
        if math.isclose(frame[0][1] - frame[0][0], frame[1][1] - frame[1][0]):
            axes.set_aspect("equal")
    figure.legend(loc="outside upper center", ncols=2, markerscale=3, fontsize="small", frameon=False)
    stream = io.BytesIO()
    figure.savefig(stream, format="png")
    with Image.open(stream) as picture:
        return png(picture.convert("RGB").quantize(64))
