"""One picture cut and resized: Pillow's bilinear filter, which averages over what it makes smaller."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

RESAMPLING = Image.Resampling.BILINEAR
MIN_SIDE, MAX_SIDE = 4, 1024
MAX_CROP_PIXELS = 16_384


def fitted(pixels: NDArray[np.uint8], *, crop: int | None, size: int | None) -> NDArray[np.uint8]:
    """Crop and resize a picture to a data set's shape.

    Args:
        pixels: uint8 (C, H, W), C 1 or 3.
        crop: side of the square that is cut from the centre first, at most the picture's shorter side;
            where only `size` is given, the largest square.
        size: side of the result; the filter is that of torchvision's Resize on pictures, in integers, so that
            it gives the same bits on every machine. A picture of that size already stays as it is.

    Returns:
        uint8 (C, size, size); without `size` (C, crop, crop); without both as it was.
    """
    height, width = pixels.shape[1:]
    if crop is None and size is not None:
        crop = min(height, width)
    if crop is not None:
        top, left = (height - crop) // 2, (width - crop) // 2
        pixels = pixels[:, top : top + crop, left : left + crop]
    if size is None or size == pixels.shape[1]:
        return pixels
    picture = Image.fromarray(
        pixels[0] if len(pixels) == 1 else np.ascontiguousarray(pixels.transpose(1, 2, 0))
    )
    resized: NDArray[np.uint8] = np.asarray(picture.resize((size, size), RESAMPLING))
    return resized[np.newaxis] if len(pixels) == 1 else resized.transpose(2, 0, 1)
