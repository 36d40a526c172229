"""Images -> features, batch by batch."""

from __future__ import annotations

import torch
from torch import Tensor

from ganbench.api.data import Extractor, Features
from ganbench.scoring.images import to_rgb
from ganbench.scoring.seeded import seeded

# torch-fidelity's default: the same batches give the same bits as its own run.
BATCH = 64


@torch.no_grad()
def extract(
    extractor: Extractor, images: Tensor, device: torch.device, precision: str = "float32"
) -> Features:
    """Runs an extractor over images of any number.

    Args:
        extractor: takes uint8 (N, 3, H, W) on `device`.
        images: uint8 (N, C, H, W), C 1 (tiled) or 3, at least one.
        device: where to compute.
        precision: `float32`, or `bfloat16` for matrix products and convolutions in it (autocast).

    Returns:
        Features on the CPU, float32, in the order of the images.

    Raises:
        TypeError: the extractor gives something else than Features of the right length.
        ValueError: there are no images.
    """
    # One that draws random numbers gives the same features whatever was drawn before.
    with seeded(0, device):
        return _extracted(extractor, images, device, precision)


def _extracted(extractor: Extractor, images: Tensor, device: torch.device, precision: str) -> Features:
    features: Tensor | None = None
    logits: Tensor | None = None
    for start in range(0, len(images), BATCH):
        batch = to_rgb(images[start : start + BATCH].to(device)).contiguous()
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16"):
            out = extractor(batch)
        if not isinstance(out, Features) or out.features.ndim != 2 or len(out.features) != len(batch):
            raise TypeError(
                f"extractor {type(extractor).__name__} must give Features with a row for each image"
            )
        if features is None:
            # Filled in place: small results that are kept between batches that are let go leave holes in the
            # heap, which no batch fits into again; gigabytes of them where the images are many.
            features = torch.empty(len(images), out.features.shape[1])
            logits = None if out.logits is None else torch.empty(len(images), out.logits.shape[1])
        features[start : start + BATCH] = out.features
        if logits is not None and out.logits is not None:
            logits[start : start + BATCH] = out.logits
    if features is None:
        raise ValueError("there are no images")
    return Features(features=features, logits=logits)
