"""Draws samples of each arm of a finished `text-to-image` side by side, in rows by caption, to `samples.png`.

`python plugins/ganbench-text-to-image/tests/picture_of_arms.py FOLDER --out results/text-to-image`
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path

import matplotlib
from PIL import Image, ImageDraw, ImageFont

_SEED, _EACH, _FACTOR = "0", 3, 2
_SIDE, _ACROSS = 32, 8
_GREY, _WORDS = (96, 96, 96), 340
_COLOURS = 128


def main() -> None:
    """Read the last pictures of one seed's cells, as the run left them, and draw some of each row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    with (given.folder / "cells.csv").open(encoding="utf-8", newline="") as file:
        cells = {row["loss"]: row["cell"] for row in csv.DictReader(file) if row["seed"] == _SEED}
    pictures = {
        loss: Image.open(max((given.folder / "cells" / cell).glob("samples-*.png")))
        for loss, cell in cells.items()
    }
    captions = [caption for _, caption in json.loads(next(iter(pictures.values())).text["ganbench"])["rows"]]
    tall, wide = _SIDE * _FACTOR + 4, _EACH * (_SIDE * _FACTOR + 2) + 12
    canvas = Image.new("RGB", (len(pictures) * wide + _WORDS, 22 + len(captions) * tall), _GREY)
    pen = ImageDraw.Draw(canvas)
    font = ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", 12)
    for column, (loss, picture) in enumerate(pictures.items()):
        margin = picture.width - (_ACROSS * (_SIDE + 1) - 1)
        pen.text((6 + column * wide, 4), loss, font=font, fill="white")
        for row in range(len(captions)):
            for place in range(_EACH):
                left, top = margin + place * (_SIDE + 1), row * (_SIDE + 1)
                image = picture.convert("RGB").crop((left, top, left + _SIDE, top + _SIDE))
                at = (6 + column * wide + place * (_SIDE * _FACTOR + 2), 22 + row * tall)
                canvas.paste(image.resize((_SIDE * _FACTOR,) * 2, Image.Resampling.NEAREST), at)
    for row, caption in enumerate(captions):
        pen.text((len(pictures) * wide + 6, 46 + row * tall), caption, font=font, fill="white")
    few = canvas.quantize(_COLOURS, dither=Image.Dither.NONE)
    few.save(given.out / "samples.png", optimize=True)


if __name__ == "__main__":
    main()
