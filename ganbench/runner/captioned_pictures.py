"""Pictures of samples with words: captions under them, heads over their columns, inputs beside outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from PIL import ImageDraw, ImageFont
from torch import Tensor, nn

from ganbench.api import Samples, Signature
from ganbench.files.png import MAX_ROWS, PictureWords, encode_png
from ganbench.runner.dataset_problems import INPUT, OUTPUT, TARGET
from ganbench.runner.shared_dataset import SharedDataset
from ganbench.runner.tiles import GAP_GREY, SIDE, WHITE, picture_of, reduced, tile
from ganbench.scoring import to_uint8

# Pixels.
_FONT = 12
_LINE = 15
_GAP = 2
_PAD = 4
_MAX_LINES = 4
# The least width, in pixels, of a row of samples, of one with a long caption, of a sample with a caption of
# its own, and of one under a head.
_MIN_ROW = 256
_MIN_ROW_OF_WORDS = 448
_MIN_CAPTIONED = 128
_MIN_HEADED = 64
# Images of fewer pixels per side are seen whole. Of others the zoom shows a third, or so many pixels.
_MIN_ZOOMED = 32
_MAX_ZOOM_WINDOW = 32


@dataclass(frozen=True, kw_only=True)
class Block:
    """Images side by side that share a caption.

    Attributes:
        images: uint8 (n, C, H, W); as large, and of as many channels, in all blocks of a picture.
        number: stands beside them where the picture is too small for words.
        caption: stands under them.
    """

    images: Tensor
    number: str = ""
    caption: str = ""


@dataclass(frozen=True, kw_only=True)
class Blocks:
    """The content of one picture.

    Attributes:
        blocks: at least one.
        heads: of the columns of each block; none where columns have no meaning of their own.
        per_line: blocks side by side.
    """

    blocks: Sequence[Block]
    heads: Sequence[str] = ()
    per_line: int = 1

    @property
    def columns(self) -> int:
        """Images in the widest block."""
        return len(self.heads) or max(len(block.images) for block in self.blocks)

    @property
    def words(self) -> PictureWords:
        """Heads and captions, for the report's page."""
        rows = [(block.number, block.caption) for block in self.blocks if block.caption]
        return PictureWords(heads=tuple(self.heads), rows=tuple(rows[:MAX_ROWS]))


def has_picture_conditions(signature: Signature) -> bool:
    """Tell whether the data are pairs of pictures: samples are images, and so are their conditions."""
    condition = signature.condition
    return (
        signature.kind == "image"
        and signature.shape[0] in (1, 3)
        and condition is not None
        and len(condition) == 3
        and condition[0] in (1, 3)
    )


def zooms(signature: Signature) -> bool:
    """Tell whether pictures show a part of each image enlarged: pairs of pictures that are not tiny."""
    return has_picture_conditions(signature) and min(signature.shape[1:]) >= _MIN_ZOOMED


def content_of(samples: Samples, dataset: SharedDataset, targets: Tensor | None = None) -> Blocks | None:
    """Lay out samples with what they were made from, as the data set describes it.

    Args:
        samples: of one generator.
        dataset: what their conditions are of.
        targets: as for `paired`.

    Returns:
        None where there is nothing to say but labels' numbers: the samples are points or were made from
        nothing, or the data set does not describe its conditions.
    """
    signature = dataset.signature
    if signature.kind != "image" or (samples.condition is None and samples.labels is None):
        return None
    if samples.condition is not None and has_picture_conditions(signature):
        return paired(samples, dataset.captions(samples), targets, dataset.baselines(samples.condition))
    return grouped(samples, dataset.captions(samples)) if dataset.describes else None


def paired(
    samples: Samples,
    captions: Sequence[str],
    targets: Tensor | None,
    baselines: Mapping[str, Tensor] | None = None,
) -> Blocks:
    """Lay out samples beside the pictures that they were made from; a few of them with a part enlarged.

    Args:
        samples: images, with pictures as conditions.
        captions: of each; empty for none.
        targets: uint8, the data's own image of each condition, where the conditions are the data's.
        baselines: uint8, what simple methods make of the conditions, by their names.
    """
    assert samples.condition is not None
    shown = {INPUT: as_images(samples.condition, samples.x), **(baselines or {}), OUTPUT: samples.x}
    if targets is not None:
        shown[TARGET] = targets
    channels = max(images.shape[1] for images in shown.values())
    together = torch.stack([images.expand(-1, channels, -1, -1) for images in shown.values()], 1)
    blocks = [
        Block(images=images, caption=caption) for images, caption in zip(together, captions, strict=True)
    ]
    # A few stand one below the other, so that each column has one head.
    per_line = 1 if len(blocks) <= SIDE else max(1, SIDE // len(shown))
    if per_line == 1 and min(samples.x.shape[2:]) >= _MIN_ZOOMED:
        # The same part for all generators: none of the outputs says which.
        guides = together[:, -1 if targets is not None else 0]
        blocks = _zoomed(blocks, guides)
    return Blocks(blocks=blocks, heads=list(shown), per_line=per_line)


def _zoomed(blocks: Sequence[Block], guides: Tensor) -> list[Block]:
    """Put below each block the part of its images where the block's guide varies most, enlarged."""
    height, width = guides.shape[2:]
    share = min(1 / 3, _MAX_ZOOM_WINDOW / min(height, width))
    window = round(height * share), round(width * share)
    found: list[Block] = []
    for block, guide in zip(blocks, guides.double().mean(1, keepdim=True), strict=True):
        mean, square = (
            nn.functional.avg_pool2d(values[None], window, stride=1) for values in (guide, guide.square())
        )
        variances = (square - mean.square())[0, 0]
        top, left = divmod(int(variances.argmax()), variances.shape[1])
        part = block.images[:, :, top : top + window[0], left : left + window[1]]
        enlarged = nn.functional.interpolate(part.float(), size=(height, width)).to(torch.uint8)
        found += [block, Block(images=enlarged)]
    told = f"Every second row: the liveliest {window[1]} x {window[0]} pixels of the row above."
    return [*found[:-1], Block(images=found[-1].images, caption=told)]


def grouped(samples: Samples, captions: Sequence[str]) -> Blocks:
    """Lay out samples by their captions, each from a new row; classes in their order.

    Where most have a caption of their own, each has it under itself.

    Args:
        samples: images; with labels, or with conditions, which come before labels.
        captions: of each.
    """
    labels = samples.labels if samples.condition is None else None
    seen: dict[str, int] = {}
    of_each = [seen.setdefault(caption, len(seen) + 1) for caption in captions]
    places: dict[int, list[int]] = {}
    for place, number in enumerate(of_each if labels is None else labels.tolist()):
        places.setdefault(number, []).append(place)
    single = 2 * len(places) > len(samples)
    blocks = []
    for number, mine in sorted(places.items()):
        parts = torch.split(torch.tensor(mine), 1 if single else SIDE)
        for at, part in enumerate(parts):
            last = single or at == len(parts) - 1
            blocks.append(
                Block(
                    images=samples.x[part],
                    number=str(number),
                    caption=captions[mine[0]] if last else "",
                )
            )
    return Blocks(blocks=blocks, per_line=SIDE if single else 1)


def draw_blocks(content: Blocks, description: str = "") -> bytes:
    """Draw a PNG with the words in it; small images are enlarged by a whole factor, without smoothing.

    Args:
        content: what to draw.
        description: of the whole picture, kept in the file.
    """
    columns, per_line = content.columns, min(content.per_line, len(content.blocks))
    _, channels, height, width = content.blocks[0].images.shape
    factor = max(1, -(-_least_width(content) // width))
    tall, wide = height * factor, width * factor
    span = columns * (wide + _GAP) - _GAP
    lines = [content.blocks[at : at + per_line] for at in range(0, len(content.blocks), per_line)]
    texts = [[_wrapped(block.caption, span) for block in line] for line in lines]
    under = [max(len(text) for text in line) * _LINE for line in texts]
    top = _PAD + (_LINE + _PAD if content.heads else 0)
    size = (
        top + sum(tall + _PAD + each for each in under),
        _PAD + per_line * (span + _PAD),
        channels,
    )
    canvas = np.full(size, GAP_GREY, dtype=np.uint8)
    words: list[tuple[float, int, str]] = []
    for beside in range(per_line):
        for place, head in enumerate(content.heads):
            at = _PAD + beside * (span + _PAD) + place * (wide + _GAP)
            words.append((at + (wide - _width(head)) // 2, _PAD, head))
    for line, text, area in zip(lines, texts, under, strict=True):
        for beside, (block, rows) in enumerate(zip(line, text, strict=True)):
            start = _PAD + beside * (span + _PAD)
            for place, image in enumerate(block.images.numpy()):
                at = start + place * (wide + _GAP)
                canvas[top : top + tall, at : at + wide] = np.kron(
                    image.transpose(1, 2, 0), np.ones((factor, factor, 1), dtype=np.uint8)
                )
            words += [(start, top + tall + row * _LINE, said) for row, said in enumerate(rows)]
        top += tall + _PAD + area
    picture = picture_of(canvas)
    pen = ImageDraw.Draw(picture)
    ink = WHITE if picture.mode == "L" else (WHITE,) * 3
    for left, above, said in words:
        pen.text((left, above), said, font=_font(), fill=ink)
    return encode_png(picture, content.words, description)


def draw_small(content: Blocks) -> bytes:
    """Draw a PNG without words in it, for the report's page, which has them beside it: it reads them there.

    Images are reduced to at most 64 pixels per side.
    """
    images = reduced(torch.cat([block.images for block in content.blocks]))
    sizes: int | list[int]
    names: list[str]
    if content.per_line > 1 and not content.heads:
        # Each has its caption to itself: as many per row as there are captions per line.
        sizes, names, across = content.per_line, [], content.per_line
    else:
        sizes = [len(block.images) for block in content.blocks]
        names = [block.number for block in content.blocks]
        across = content.columns if content.heads else SIDE
    rows = torch.split(torch.arange(len(images)), sizes)
    return encode_png(tile(images, rows, names if any(names) else [], across), content.words)


def as_images(condition: Tensor | None, like: Tensor) -> Tensor:
    """Turn conditions that are pictures into images as large as the samples, by nearest neighbours.

    Whole numbers of 8 bits are shown as they are, floats in [-1, 1] as images of the players; any others are
    stretched from the lowest to the highest.

    Args:
        condition: (N, 1 or 3, h, w).
        like: (N, C, H, W).

    Returns:
        uint8 (N, 1 or 3, H, W).
    """
    assert condition is not None
    pixels = condition
    if pixels.dtype != torch.uint8:
        values = pixels.float()
        low, high = values.min(), values.max()
        if not pixels.is_floating_point() or low < -1 or high > 1:
            values = 2 * (values - low) / (high - low).clamp_min(1e-12) - 1
        pixels = to_uint8(values)
    return nn.functional.interpolate(pixels.float(), size=tuple(like.shape[2:])).to(torch.uint8)


def _least_width(content: Blocks) -> int:
    """Compute how wide an image must be drawn, in pixels, for the words to be read."""
    if content.heads:
        return _MIN_HEADED
    if content.per_line > 1:
        return _MIN_CAPTIONED
    longest = max(_width(block.caption) for block in content.blocks)
    return -(-(_MIN_ROW if longest <= _MIN_ROW else _MIN_ROW_OF_WORDS) // content.columns)


def _wrapped(text: str, width: int) -> list[str]:
    """Break a text into at most four lines of so many pixels; what does not fit ends in an ellipsis."""
    lines: list[str] = []
    rest = text.strip()
    while rest and len(lines) < _MAX_LINES:
        if _width(rest) <= width:
            return [*lines, rest]
        fits = max(1, _fitting(rest, width if len(lines) < _MAX_LINES - 1 else width - _width("…")))
        if len(lines) == _MAX_LINES - 1:
            return [*lines, rest[:fits].rstrip() + "…"]
        blank = rest.rfind(" ", 1, fits + 1)
        cut = blank if blank > 0 else fits
        lines.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return lines


def _fitting(text: str, width: float) -> int:
    """Count the first characters of a text that fit in so many pixels."""
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if _width(text[:middle]) <= width else (low, middle - 1)
    return low


def _width(text: str) -> float:
    return _font().getlength(text)


@lru_cache(maxsize=1)
def _font() -> ImageFont.FreeTypeFont:
    # A file that matplotlib brings along, so that the same versions draw the same pixels everywhere.
    import matplotlib

    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", _FONT)
