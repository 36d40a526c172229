"""`sr_sharpness`: how much gradient restored images have, against the originals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from annotated_types import Interval

if TYPE_CHECKING:
    from torch import Tensor

    from ganbench import Dataset, Samples

# ITU-R BT.601.
_LUMA = (0.299, 0.587, 0.114)
# Beside the squared differences of neighbours in 8 bits, so that images of one shade have a ratio.
_LITTLE = 1e-6


class Sharpness:
    """The energy of luma's gradient in all restored images together, as a share of that of the originals.

    Blur takes energy away, noise adds some: the score is the share, or one over it where it is above 1. That
    the energy is right does not say that it is in the right places.
    """

    needs = "pairs"
    minimum = 1

    def __init__(self, border: Annotated[int, Interval(ge=0, le=512)] = 4) -> None:
        """Say what is left out.

        Args:
            border: pixels at each side.
        """
        self._border = border

    def check(self, dataset: Dataset) -> None:
        """Raise ValueError where the data are no images of 1 or 3 channels, or the border leaves nothing."""
        signature = dataset.signature
        if signature.kind != "image" or signature.shape[0] not in (1, 3):
            raise ValueError("it takes images of 1 or 3 channels")
        least = 2 * self._border + 2
        if min(signature.shape[1:]) < least:
            height, width = signature.shape[1:]
            raise ValueError(
                f"it takes images of at least {least}x{least} (border = {self._border}), "
                f"and the data have {height}x{width}"
            )

    def __call__(self, generated: Any, reference: Any, dataset: Dataset) -> Mapping[str, float]:
        """Compare the squared differences of neighbours, across and down.

        Returns:
            `sr_sharpness`: from 0 to 1, 1 where the energies are equal; higher is better.
            `sr_gradient_energy`: the share itself, above 1 where the restored images have more.
        """
        made, wanted = (self._energy(samples) + _LITTLE for samples in (generated, reference))
        share = made / wanted
        return {"sr_sharpness": min(share, 1 / share), "sr_gradient_energy": share}

    def _energy(self, samples: Samples) -> float:
        """Sum the squared differences of neighbours, of all images, per image."""
        import torch

        border = self._border
        total = 0.0
        for part in torch.split(samples.x, 256):
            height, width = part.shape[2:]
            luma = _luma(part)[:, border : height - border, border : width - border]
            total += sum(float(luma.diff(dim=dim).square().sum()) for dim in (1, 2))
        return total / len(samples)


def _luma(images: Tensor) -> Tensor:
    """Luma (N, H, W) of images (N, 1 or 3, H, W), in float64."""
    values = images.double()
    if values.shape[1] == 1:
        return values[:, 0]
    weights = values.new_tensor(_LUMA)
    luma: Tensor = (values * weights[:, None, None]).sum(1)
    return luma
