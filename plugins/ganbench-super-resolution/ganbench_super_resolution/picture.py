"""Draw what the generators of a results folder make of one part of the photograph that they are tested on.

`python -m ganbench_super_resolution.picture FOLDER OUT.png`: seed 0 of the grid `super-resolution`, or of
one like it.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageDraw, ImageFont
from safetensors.torch import load_file
from sklearn.datasets import load_sample_image
from torch import Tensor
from torch.nn.functional import interpolate

import ganbench
from ganbench import Signature
from ganbench_super_resolution.architecture import sr_resnet
from ganbench_super_resolution.resampling import degraded, enlarged

_SEED = 0
# Corners of the part, and of what is enlarged of it, in pixels; even, so that scales divide them.
_TOP, _LEFT, _SIDE = 200, 300, 64
_ZOOM_TOP, _ZOOM_LEFT, _ZOOM_SIDE = 24, 24, 16
_SHOWN, _GAP, _LINE = 192, 4, 18
_TEXT, _GROUND = "white", (96, 96, 96)


def draw(folder: Path) -> Image.Image:
    """Draw the small picture, its interpolation, what each loss's generator makes of it, and the original."""
    grid = tomllib.loads((folder / "grid.toml").read_text(encoding="utf-8"))
    (data,) = grid["axes"]["dataset"]
    scale, trained = data.get("scale", 4), data["source"].get("train", "china")
    whole = torch.tensor(load_sample_image("flower.jpg" if trained == "china" else "china.jpg"))
    part = whole[_TOP : _TOP + _SIDE, _LEFT : _LEFT + _SIDE].permute(2, 0, 1)[None]
    small = degraded(part, scale)
    columns = {
        "low": interpolate(small, scale_factor=scale),
        "bicubic": enlarged(small, scale),
        **_restored(folder, grid, small, scale),
        "original": part / 127.5 - 1,
    }
    width = len(columns) * (_SHOWN + _GAP) + _GAP
    canvas = Image.new("RGB", (width, _LINE + 2 * (_SHOWN + _GAP)), _GROUND)
    pen, font = ImageDraw.Draw(canvas), ImageFont.load_default(13)
    zoom = (..., slice(_ZOOM_TOP, _ZOOM_TOP + _ZOOM_SIDE), slice(_ZOOM_LEFT, _ZOOM_LEFT + _ZOOM_SIDE))
    for place, (name, image) in enumerate(columns.items()):
        left = _GAP + place * (_SHOWN + _GAP)
        pen.text((left + 2, 1), name, fill=_TEXT, font=font)
        for row, shown in enumerate((image, image[zoom])):
            canvas.paste(_picture(shown), (left, _LINE + row * (_SHOWN + _GAP)))
    return canvas


def _restored(folder: Path, grid: dict[str, Any], small: Tensor, scale: int) -> dict[str, Tensor]:
    """What the generator of each loss makes of small pictures, by the loss's name."""
    (options,) = (
        {key: value for key, value in each.items() if key != "name"}
        for each in grid["axes"]["architecture"]
        if each["name"] == "sr_resnet"
    )
    channels, height, width = small.shape[1:]
    signature = Signature(
        shape=(channels, height * scale, width * scale), kind="image", condition=(channels, height, width)
    )
    generator = sr_resnet(signature, **options).generator.eval()
    cells = ganbench.load(folder).cells
    chosen = cells[cells.architecture.str.startswith("sr_resnet") & (cells.seed == _SEED)]
    made = {}
    for cell, loss in zip(chosen.cell, chosen.loss, strict=True):
        generator.load_state_dict(load_file(folder / "cells" / cell / "generator.safetensors"))
        with torch.no_grad():
            made[loss] = generator(torch.zeros(1, 1), small).clamp(-1, 1)
    return made


def _picture(image: Tensor) -> Image.Image:
    pixels = ((image[0] + 1) * 127.5).round().to(torch.uint8).permute(1, 2, 0).numpy()
    return Image.fromarray(pixels).resize((_SHOWN, _SHOWN), Image.Resampling.NEAREST)


if __name__ == "__main__":
    source, out = sys.argv[1:]
    draw(Path(source)).save(out, optimize=True)
