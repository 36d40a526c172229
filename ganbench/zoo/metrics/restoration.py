"""How near generated images come to those that they should restore: PSNR and SSIM, by torchmetrics."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated

import torch
from annotated_types import Interval
from torch import Tensor

from ganbench.api.data import Dataset, Features, Needs
from ganbench.api.players import Samples

# Pixel values of one side that are worked on at once; SSIM holds some twenty times as many float32 numbers.
MAX_VALUES_AT_ONCE = 2**22
MAX_BORDER_PIXELS = 512
# The window of Wang et al., 2004.
_WINDOW = 11
# ITU-R BT.601: luma of 16 to 235 from red, green and blue of 0 to 255.
_LUMA = (65.481 / 255, 128.553 / 255, 24.966 / 255)
_BLACK = 16.0

Border = Annotated[int, Interval(ge=0, le=MAX_BORDER_PIXELS)]


class _OfPairs:
    """A measure of images beside those that they should restore, averaged over the pairs.

    Attributes:
        smallest: side of the images that it takes, without the border, in pixels.
    """

    needs: Needs = "pairs"
    minimum = 1
    smallest = 1
    max_values_at_once = MAX_VALUES_AT_ONCE

    def __init__(self, border: Border = 0, luma: bool = False) -> None:
        """Say which part of the images counts.

        Args:
            border: pixels that are left out at each side, as papers on super-resolution leave out the scale.
            luma: whether images in colour are compared by their luma alone, as in these papers: ITU-R BT.601,
                from 16 to 235, not rounded; the peak stays 255. Grey images are taken as they are.
        """
        self._border, self._luma = border, luma

    def check(self, dataset: Dataset) -> None:
        """Raise ValueError where the data are no images with a condition each, or none that would count."""
        signature = dataset.signature
        if signature.kind != "image":
            raise ValueError("it takes images, and the data are points")
        if signature.condition is None:
            raise ValueError(
                "it needs images that belong to a condition each, and the data have none but labels"
            )
        channels, height, width = signature.shape
        least = self.smallest + 2 * self._border
        if min(height, width) < least:
            without = f" (border = {self._border})" if self._border else ""
            raise ValueError(
                f"it takes images of at least {least}x{least}{without}, and the data have {height}x{width}"
            )
        if self._luma and channels not in (1, 3):
            raise ValueError(f"luma = true takes images of 1 or 3 channels, and the data have {channels}")

    def _mean(
        self,
        generated: Samples | Features,
        reference: Samples | Features,
        measure: Callable[[Tensor, Tensor], Tensor],
    ) -> float:
        """Average a measure (images, images) -> (batch,) over aligned images, uint8 or luma.

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
        size = max(1, self.max_values_at_once // max(1, made[0].numel()))
        blocks = zip(torch.split(made, size), torch.split(wanted, size), strict=True)
        found = [measure(*(self._counted(side) for side in pair)).double() for pair in blocks]
        return float(torch.cat(found).mean())

    def _counted(self, images: Tensor) -> Tensor:
        """Take the part that counts: without the border, and the luma where that is asked for."""
        border = self._border
        inner = images[:, :, border : images.shape[2] - border, border : images.shape[3] - border]
        if not self._luma or inner.shape[1] == 1:
            return inner
        weights = torch.tensor(_LUMA, dtype=torch.float64, device=images.device)
        return _BLACK + (inner.double() * weights[:, None, None]).sum(1, keepdim=True)


class Psnr(_OfPairs):
    """The peak signal-to-noise ratio, image by image, or of all images together."""

    def __init__(self, border: Border = 0, luma: bool = False, together: bool = False) -> None:
        """Say which part of the images counts, and how.

        Args:
            border: pixels that are left out at each side, as papers on super-resolution leave out the scale.
            luma: whether images in colour are compared by their luma alone; see `Ssim`.
            together: whether errors are averaged over all images before the logarithm, as where they are
                parts of one picture: flat parts, whose own ratio is high, then count like others.
        """
        super().__init__(border, luma)
        self._together = together

    def __call__(
        self, generated: Samples | Features, reference: Samples | Features, dataset: Dataset
    ) -> Mapping[str, float]:
        """Average 10 log10(255^2 / mean squared error), over all channels, over the images.

        Returns:
            `psnr`: in dB, higher is better; infinite where one image is equal to its counterpart, or where
                all are and count together.
        """
        from torchmetrics.functional.image import peak_signal_noise_ratio

        def ratios(made: Tensor, wanted: Tensor) -> Tensor:
            found = peak_signal_noise_ratio(
                made.double(), wanted.double(), data_range=255.0, reduction="none", dim=(1, 2, 3)
            )
            # Of a single image it comes as a bare number.
            return found.reshape(-1)

        def errors(made: Tensor, wanted: Tensor) -> Tensor:
            return (made.double() - wanted.double()).square().flatten(1).mean(1)

        if self._together:
            error = torch.tensor(self._mean(generated, reference, errors), dtype=torch.float64)
            return {"psnr": float(10 * torch.log10(255.0**2 / error))}
        return {"psnr": self._mean(generated, reference, ratios)}


class Ssim(_OfPairs):
    """The structural similarity, with the constants of Wang et al., 2004."""

    smallest = _WINDOW

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

        return {"ssim": self._mean(generated, reference, similarities)}
