"""`sr_pairs`: images, and what is left of them in a small picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import ganbench
from ganbench import Choice, Samples, Signature

if TYPE_CHECKING:
    from torch import Tensor

_COLOURS = (1, 3)


class Pairs:
    """The images of another data set; the condition of each is the same picture, smaller.

    A bicubic filter as wide as the scale makes it (antialiased, as in Pillow), rounded to 8 bits. Labels are
    left out. The page shows what bicubic interpolation makes of it, beside what the generator does.
    """

    def __init__(
        self, source: Annotated[Choice, "dataset"] = "sr_photographs", scale: Literal[2, 4] = 4
    ) -> None:
        """Build the other data set.

        Args:
            source: data set of images whose sides the scale divides.
            scale: how many times smaller the pictures are that they are to be restored from.

        Raises:
            ValueError: the other data set is not of such images.
        """
        self._source, self._scale = ganbench.build("dataset", source), scale
        signature = self._source.signature
        if signature.kind != "image":
            raise ValueError("source must be a data set of images, and this one has points")
        channels, height, width = signature.shape
        if channels not in _COLOURS:
            raise ValueError(f"source must have images of 1 or 3 channels, and this one has {channels}")
        if signature.condition is not None:
            raise ValueError("source must have images without a condition, and this one has conditions")
        if height % scale or width % scale:
            raise ValueError(
                f"scale must divide the sides of the images, and {scale} does not divide {height}x{width}"
            )
        small = (channels, height // scale, width // scale)
        self.signature = Signature(shape=signature.shape, kind="image", condition=small)
        self.fingerprint = f"{self._source.fingerprint} bicubic {scale}"

    def load(self, split: Literal["train", "test"]) -> Samples:
        """Load the other data set's images of a split, and make the small pictures."""
        from ganbench_super_resolution.resampling import degraded

        x = self._source.load(split).x
        return Samples(x=x, condition=degraded(x, self._scale))

    def baselines(self, condition: Tensor) -> dict[str, Tensor]:
        """Enlarge small pictures (N, C, h, w) by interpolation, uint8 (N, C, H, W)."""
        import torch

        from ganbench_super_resolution.resampling import enlarged

        large = (enlarged(condition, self._scale) + 1) * 127.5
        return {"bicubic": large.round().to(torch.uint8)}
