"""The filter that makes pictures smaller, and larger again: bicubic, a = -1/2, as Pillow's."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import interpolate

# Images that are resampled at once.
_AT_ONCE = 512


def degraded(images: Tensor, scale: int) -> Tensor:
    """Make images smaller by a filter as wide as the scale (antialiased), rounded to 8 bits.

    Args:
        images: uint8 (N, C, H, W), H and W multiples of the scale.
        scale: how many times smaller.

    Returns:
        float32 (N, C, H / scale, W / scale) in [-1, 1].
    """
    import torch

    parts = [_resampled(part.float(), 1 / scale) for part in torch.split(images, _AT_ONCE)]
    return torch.cat(parts).round().clamp(0, 255) / 127.5 - 1


def enlarged(small: Tensor, scale: int) -> Tensor:
    """Make pictures (N, C, h, w) larger by interpolation, within [-1, 1]."""
    return _resampled(small, scale).clamp(-1, 1)


def _resampled(x: Tensor, factor: float) -> Tensor:
    # With antialias torch takes Pillow's filter, in both directions; without, another one (a = -3/4).
    return interpolate(x, scale_factor=factor, mode="bicubic", antialias=True)
