"""From a generator's output to the images that are scored."""

from __future__ import annotations

import torch
from torch import Tensor

ROUNDING = "uint8: (x + 1) * 127.5, half to even, clamped"


class NonFiniteSamples(ArithmeticError):
    """Generated samples with NaN or infinity in them: the cell has diverged."""


def to_uint8(images: Tensor) -> Tensor:
    """Round and clamp a generator's images.

    Args:
        images: float (N, C, H, W) in [-1, 1]; what is outside is clamped.

    Returns:
        uint8 (N, C, H, W), contiguous, on the same device.

    Raises:
        NonFiniteSamples: there is NaN or infinity among them.
    """
    require_finite(images)
    # In float32 whatever the precision of training: bfloat16 cannot hold half-way values near 255.
    scaled = (images.detach().to(torch.float32) + 1) * 127.5
    return scaled.round().clamp(0, 255).to(torch.uint8).contiguous()


def to_rgb(images: Tensor) -> Tensor:
    """Repeat grey as a view: (N, 1 or 3, H, W) -> (N, 3, H, W)."""
    return images.expand(-1, 3, -1, -1) if images.shape[1] == 1 else images


def require_finite(samples: Tensor) -> None:
    """Refuses samples that are no numbers.

    Raises:
        NonFiniteSamples: there is NaN or infinity among them.
    """
    if samples.is_floating_point() and not bool(torch.isfinite(samples).all()):
        bad = int((~torch.isfinite(samples)).flatten(1).any(dim=1).sum())
        raise NonFiniteSamples(f"{bad} of {len(samples)} generated samples are not finite")
