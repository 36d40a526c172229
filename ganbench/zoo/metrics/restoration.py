"""How near generated images come to those that they should restore: PSNR and SSIM, by torchmetrics."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from ganbench.api.data import Dataset, Features, Needs
from ganbench.api.players import Samples

# Pixel values of one side that are worked on at once; SSIM holds some twenty times as many float32 numbers.
MAX_VALUES_AT_ONCE = 2**22
# The window of Wang et al., 2004.
_WINDOW = 11


class Psnr:
    """The peak signal-to-noise ratio, image by image."""

    needs: Needs = "pairs"
    minimum = 1
    max_values_at_once = MAX_VALUES_AT_ONCE

    def check(self, dataset: Dataset) -> None:
        """Raise ValueError where the data are no images, or have no condition to restore an image from."""
        _require_image_pairs(dataset)

    def __call__(
        self, generated: Samples | Features, reference: Samples | Features, dataset: Dataset
    ) -> Mapping[str, float]:
        """Average 10 log10(255^2 / mean squared error), over all channels, over the images.

        Returns:
            `psnr`: in dB, higher is better; infinite where one image is equal to its counterpart.
        """
        from torchmetrics.functional.image import peak_signal_noise_ratio

        def ratios(made: Tensor, wanted: Tensor) -> Tensor:
            found = peak_signal_noise_ratio(
                made.double(), wanted.double(), data_range=255.0, reduction="none", dim=(1, 2, 3)
            )
            # Of a single image it comes as a bare number.
            return found.reshape(-1)

        return {"psnr": _mean_over_pairs(generated, reference, ratios, self.max_values_at_once)}


class Ssim:
    """The structural similarity, with the constants of Wang et al., 2004."""

    needs: Needs = "pairs"
    minimum = 1
    max_values_at_once = MAX_VALUES_AT_ONCE

    def check(self, dataset: Dataset) -> None:
        """Raise ValueError as for PSNR, and where the images are smaller than the window."""
        _require_image_pairs(dataset)
        if min(dataset.signature.shape[1:]) < _WINDOW:
            height, width = dataset.signature.shape[1:]
            raise ValueError(
                f"it takes images of at least {_WINDOW}x{_WINDOW}, and the data have {height}x{width}"
            )

    def __call__(
        self, generated: Samples | Features, reference: Samples | Features, dataset: Dataset
    ) -> Mapping[str, float]:
        """Average over images, channels and places; Gaussian window of 11x11, sigma 1.5, K = .01 and .03.

        As torchmetrics has it: borders are reflected, where others leave five pixels out.

        Returns:
            `ssim`: from -1 to 1, for equal images; higher is better.
        """
        from torchmetrics.functional.image import structural_similarity_index_measure

        def similarities(made: Tensor, wanted: Tensor) -> Tensor:
            # In float32: convolutions of float64 take fifteen times as long, for digits beyond the fifth.
            found = structural_similarity_index_measure(
                made.float(), wanted.float(), data_range=255.0, reduction="none"
            )
            assert isinstance(found, Tensor)
            return found.reshape(-1)

        return {"ssim": _mean_over_pairs(generated, reference, similarities, self.max_values_at_once)}


def _require_image_pairs(dataset: Dataset) -> None:
    signature = dataset.signature
    if signature.kind != "image":
        raise ValueError("it takes images, and the data are points")
    if signature.condition is None:
        raise ValueError("it needs images that belong to a condition each, and the data have none but labels")


def _mean_over_pairs(
    generated: Samples | Features,
    reference: Samples | Features,
    measure: Callable[[Tensor, Tensor], Tensor],
    max_values_at_once: int,
) -> float:
    """Average a measure (uint8 images, uint8 images) -> (batch,) over aligned images.

    Raises:
        TypeError: features were given.
        ValueError: the sides are not aligned uint8 images.
    """
    if not isinstance(generated, Samples) or not isinstance(reference, Samples):
        raise TypeError("the metric takes pairs of images, not features")
    made, wanted = generated.x, reference.x
    for x in (made, wanted):
        if x.dtype != torch.uint8 or x.ndim != 4:
            raise ValueError(
                f"the metric takes images, uint8 (N, C, H, W), given {x.dtype} of shape {tuple(x.shape)}"
            )
    if made.shape != wanted.shape:
        raise ValueError(
            "generated and reference images must be pairs, "
            f"given {tuple(made.shape)} and {tuple(wanted.shape)}"
        )
    size = max(1, max_values_at_once // max(1, made[0].numel()))
    blocks = zip(torch.split(made, size), torch.split(wanted, size), strict=True)
    return float(torch.cat([measure(*pair).double() for pair in blocks]).mean())
