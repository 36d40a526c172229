"""Samples as one picture: a grid of images, or a scatter of points over the data."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ganbench.api import Samples, Signature
from ganbench.errors import Unsupported

SIDE = 8
_LEAST_PIXELS = 256
_POINTS = 2000
_GAP = 1
_GAP_GREY = 96


def drawn(signature: Signature) -> int:
    """How many samples a cell's picture shows."""
    return SIDE * SIDE if signature.kind == "image" else _POINTS


def draw_samples(samples: Samples, signature: Signature, data: Samples) -> bytes:
    """A PNG of all samples, eight a row; of points, the first 2,000 with the data behind them.

    Small images are enlarged by a whole factor, without smoothing.
    """
    if signature.kind == "image":
        return _images(samples)
    return _points(samples, data)


def write_images(samples: Samples, folder: Path) -> None:
    """One PNG for each image, `00000.png` on, pixel by pixel as they were scored.

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


def _images(samples: Samples) -> bytes:
    x = samples.x.numpy()
    count, channels, height, width = x.shape
    rows = -(-count // SIDE)
    # A line between neighbours: where the background is dark, small pictures run together without it.
    canvas = np.full(
        (rows * (height + _GAP) - _GAP, SIDE * (width + _GAP) - _GAP, channels), _GAP_GREY, dtype=np.uint8
    )
    for index, image in enumerate(x):
        top, left = index // SIDE * (height + _GAP), index % SIDE * (width + _GAP)
        canvas[top : top + height, left : left + width] = image.transpose(1, 2, 0)
    picture = _picture(canvas)
    factor = max(1, -(-_LEAST_PIXELS // max(picture.size)))
    return _png(picture.resize((picture.width * factor, picture.height * factor), Image.Resampling.NEAREST))


def _points(samples: Samples, data: Samples) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4, 4), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for points, colour, label in ((data.x, "#b0b0b0", "data"), (samples.x, "#0072b2", "generated")):
        xy = points[:_POINTS].numpy()
        second = xy[:, 1] if xy.shape[1] > 1 else np.zeros(len(xy))
        axes.scatter(xy[:, 0], second, s=3, c=colour, label=label, linewidths=0)
    # The data sets the frame, so that pictures of different arms can be laid over each other.
    low, high = data.x.numpy().min(0), data.x.numpy().max(0)
    margin = 0.25 * (high - low).max() + 1e-6
    axes.set_xlim(low[0] - margin, high[0] + margin)
    if len(low) > 1:
        axes.set_ylim(low[1] - margin, high[1] + margin)
    axes.legend(loc="upper right", markerscale=3, fontsize="small")
    stream = io.BytesIO()
    # No software version in the file: equal samples give equal bytes.
    figure.savefig(stream, format="png", metadata={"Software": None})
    return stream.getvalue()


def _png(picture: Image.Image) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, format="png")
    return stream.getvalue()
