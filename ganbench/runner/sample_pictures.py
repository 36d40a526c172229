"""Samples as one picture: a grid of images, or a scatter of points over the data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from ganbench.api import Samples, Signature
from ganbench.errors import Unsupported
from ganbench.files.png import encode_png
from ganbench.runner.captioned_pictures import Blocks, draw_blocks
from ganbench.runner.point_figure import PointFigure
from ganbench.runner.point_pictures import MAX_POINTS, Span, frame_of
from ganbench.runner.sampling import chosen, first
from ganbench.runner.tiles import SIDE, picture_of, tile

_MAX_CLASSES = 20
# Classes are drawn as in the data: so many times as many as are shown leave hardly a row unfilled.
_SPARE = 4
_MIN_SIDE_PIXELS = 256


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
    samples: Samples,
    signature: Signature,
    data: Samples,
    frame: list[Span] | None = None,
    content: Blocks | None = None,
    description: str = "",
) -> bytes:
    """Draw a PNG of all samples, eight per row; of points, the first 2,000 with the data behind them.

    Images with labels come class by class, each class beginning a row, its number at the left. Small images
    are enlarged by a whole factor, without smoothing.

    Args:
        samples: what to draw.
        signature: what one sample looks like.
        data: the training data.
        frame: the part of the plane that a picture of points shows; what the data need unless given.
        content: the same images with words, as `content_of` gives it; it is drawn instead.
        description: of the whole picture, kept in the file.
    """
    if signature.kind != "image":
        figure = PointFigure(data.x, frame or frame_of(data.x))
        return encode_png(figure.draw(samples.x), description=description)
    if content is not None:
        return draw_blocks(content, description)
    picture = tiled(samples)
    factor = max(1, -(-_MIN_SIDE_PIXELS // max(picture.size)))
    size = (picture.width * factor, picture.height * factor)
    return encode_png(picture.resize(size, Image.Resampling.NEAREST), description=description)


def tiled(samples: Samples) -> Image.Image:
    """Tile images, eight per row; labelled ones class by class, each from a new row, its number beside it."""
    if samples.labels is None:
        return tile(samples.x, torch.split(torch.arange(len(samples)), SIDE))
    rows = [row for group in _by_class(samples.labels) for row in torch.split(group, SIDE)]
    firsts = [int(samples.labels[row[0]]) for row in rows]
    names = ["" if label in firsts[:at] else str(label) for at, label in enumerate(firsts)]
    return tile(samples.x, rows, names)


def write_images(samples: Samples, folder: Path, endings: Sequence[str] = ()) -> None:
    """Write one PNG per image, `00000.png` on, pixel by pixel as they were scored.

    Args:
        samples: images.
        folder: where to write.
        endings: of each file's name before `.png`; none for plain numbers.

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
        ending = endings[index] if endings else ""
        picture_of(image.transpose(1, 2, 0)).save(folder / f"{index:0{digits}}{ending}.png")


def _by_class(labels: Tensor) -> list[Tensor]:
    """List the places of each class that occurs, in the order of the classes."""
    return [(labels == label).nonzero().squeeze(1) for label in labels.bincount().nonzero()]
