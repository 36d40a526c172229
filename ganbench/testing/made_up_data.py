"""Small data sets of any signature, drawn from a seed: what a contract plays on where no data are named."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from ganbench.api import DatasetSpec, Samples, Signature

NAME = "contract_data"


class MadeUpData:
    """Smooth random images, or points around two places, with labels and conditions where they are asked for.

    Args:
        shape: of one sample: (channels, height, width) of an image, (d,) of a point.
        classes: number of classes; None for data without labels.
        condition: shape of one condition; None for data without.
        samples: number in each split.
    """

    def __init__(
        self,
        shape: list[int] | tuple[int, ...] = (2,),
        classes: int | None = None,
        condition: list[int] | tuple[int, ...] | None = None,
        samples: int = 64,
    ) -> None:
        kind: Literal["image", "points"] = "image" if len(shape) == 3 else "points"
        given = None if condition is None else tuple(condition)
        self.signature = Signature(shape=tuple(shape), kind=kind, classes=classes, condition=given)
        self.fingerprint = f"made up {self.signature} {samples}"
        self._samples = samples

    def load(self, split: Literal["train", "test"]) -> Samples:
        """Draw a split: uint8 (N, C, H, W) for images, float32 (N, d) for points."""
        stream = torch.Generator().manual_seed(0 if split == "train" else 1)
        signature, count = self.signature, self._samples
        classes = signature.classes
        labels = None if classes is None else torch.arange(count) % classes
        # Each half of the samples, or each class, lies elsewhere.
        place = (torch.arange(count) % 2 if labels is None else labels).float()
        x = torch.randn(count, *signature.shape, generator=stream) * 0.1
        x = x + (place / max(float(place.max()), 1.0) - 0.5).reshape(-1, *[1] * len(signature.shape))
        condition = None
        if signature.condition is not None:
            condition = torch.randn(count, *signature.condition, generator=stream)
        return Samples(x=self._stored(x), labels=labels, condition=condition)

    def _stored(self, x: Tensor) -> Tensor:
        if self.signature.kind == "points":
            return x
        return ((x + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)


def made_up_spec() -> DatasetSpec:
    """Make the spec under which a contract's catalog has these data."""
    return DatasetSpec(name=NAME, build=MadeUpData, summary="Made up for a contract.")
