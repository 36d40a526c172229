"""Pillow's bicubic filter in place of TensorFlow 1.x's bilinear one, before a pretrained network.

Published scores differ in this: TensorFlow 1.x (the original FID) does not antialias, clean-fid resizes in
float with Pillow, and Stein et al. (2023, the FD of DINOv2) do so in 8 bits.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor

Resize = Literal["tf1", "clean", "bicubic"]
# As in the protocol, and in `ganbench show`; the first as it was before there was a choice.
WORDS: dict[Resize, str] = {
    "tf1": "bilinear to {0}x{0} as in TensorFlow 1.x",
    "clean": "Pillow's bicubic to {0}x{0}, in float32 as clean-fid does",
    "bicubic": "Pillow's bicubic to {0}x{0}, in 8 bits",
}


def resized(images: Tensor, size: tuple[int, int], resize: Literal["clean", "bicubic"]) -> Tensor:
    """Resize images with Pillow's bicubic filter, which antialiases where it makes them smaller.

    Args:
        images: (N, 3, H, W), whole numbers in [0, 255], of any type.
        size: height and width.
        resize: `clean`, each channel in float32, not rounded and not cut to [0, 255] (Parmar et al., 2022,
            On aliased resizing, and the code of clean-fid); or `bicubic`, the picture in 8 bits, as Pillow
            and torchvision do by default.

    Returns:
        float32 (N, 3, *size), on the device of the images. The filter runs on the CPU: no GPU gives its bits.
    """
    if tuple(images.shape[2:]) == tuple(size):
        return images.to(torch.float32)
    pixels = images.to("cpu", torch.uint8).numpy()
    height, width = size
    target = (width, height)
    out = np.empty((len(pixels), 3, height, width), dtype=np.float32)
    for image, filled in zip(pixels, out, strict=True):
        if resize == "clean":
            for channel, row in zip(image.astype(np.float32), filled, strict=True):
                row[:] = np.asarray(Image.fromarray(channel).resize(target, Image.Resampling.BICUBIC))
        else:
            whole = Image.fromarray(np.ascontiguousarray(image.transpose(1, 2, 0)))
            filled[:] = np.asarray(whole.resize(target, Image.Resampling.BICUBIC)).transpose(2, 0, 1)
    return torch.from_numpy(out).to(images.device)
