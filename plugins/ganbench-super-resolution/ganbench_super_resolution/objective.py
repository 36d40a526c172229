"""What the players minimise: an error of pixels, or of features, and what the discriminator says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from annotated_types import Ge

import ganbench
from ganbench import Choice, Unsupported

if TYPE_CHECKING:
    from torch import Tensor

    from ganbench import Game


class PixelLoss:
    """The mean squared error of pixels, which SRResNet is trained by.

    The discriminator learns as with `srgan`, and the generator does not listen to it: its curves say how well
    restored images can be told from originals.
    """

    def discriminator_loss(self, game: Game) -> Tensor:
        """Cross-entropy of originals and restored images, a scalar."""
        from torch.nn.functional import softplus

        real, fake = game.scores()
        return softplus(-real).mean() + softplus(fake).mean()

    def generator_loss(self, game: Game) -> Tensor:
        """Mean squared difference from the originals, of values in [-1, 1]; a scalar."""
        return (game.fake - game.real).square().mean()


class SrganLoss(PixelLoss):
    """Content and `weight` times the adversarial loss -log D(G(y)), as SRGAN.

    Content is the mean squared error of pixels, as `sr_pixel` has it, and that of a fixed network's features
    where one is named.
    """

    def __init__(
        self,
        weight: Annotated[float, Ge(0)] = 1e-3,
        features: Annotated[Choice, "extractor"] | None = None,
        features_weight: Annotated[float, Ge(0)] = 1.0,
        pixels: Annotated[float, Ge(0)] = 1.0,
    ) -> None:
        """Build the network of the features.

        Args:
            weight: of the adversarial loss.
            features: extractor whose features are compared, one that gives gradients, as efficientnet_lite0
                of ganbench-efficientnet does; its features belong to whole images, where the paper's of
                VGG-19 belong to places. None for pixels alone.
            features_weight: of the mean squared difference of features.
            pixels: weight of the mean squared error of pixels; 0 leaves features alone.

        Raises:
            ValueError: pixels have the weight 0, and no features are named.
        """
        if features is None and pixels == 0:
            raise ValueError("pixels must be above 0 where no features are named, given 0.0")
        self.weight, self.features_weight, self.pixels = weight, features_weight, pixels
        self.extractor = None if features is None else ganbench.build("extractor", features)
        self.digest = "" if self.extractor is None else self.extractor.digest
        self._label = features

    def generator_loss(self, game: Game) -> Tensor:
        """Content and adversarial loss, a scalar.

        Raises:
            Unsupported: the extractor does not take such images, or gives no gradient.
        """
        from torch.nn.functional import softplus

        loss = self.weight * softplus(-game.score(game.fake)).mean()
        if self.pixels:
            loss = loss + self.pixels * super().generator_loss(game)
        if self.extractor is not None:
            made, wanted = self._features(game.fake), self._features(game.real)
            if game.fake.requires_grad and not made.requires_grad:
                raise Unsupported(
                    f"loss 'srgan': the extractor {self._label!r} gives no gradient, so that nothing could "
                    "be learnt from its features"
                )
            loss = loss + self.features_weight * (made - wanted).square().mean()
        return loss

    def _features(self, images: Tensor) -> Tensor:
        """Features (N, d) of images (N, C, H, W) of values in [-1, 1]."""
        extractor = self.extractor
        assert extractor is not None
        channels, size = images.shape[1], tuple(images.shape[2:])
        if channels not in extractor.channels or (
            extractor.sizes is not None and size not in extractor.sizes
        ):
            raise Unsupported(
                f"loss 'srgan': the extractor {self._label!r} does not take images of {channels} channels "
                f"and {size[0]}x{size[1]} pixels"
            )
        # As 8 bits hold them, but not rounded, which would let no gradient through.
        features: Tensor = extractor((images.expand(-1, 3, -1, -1) + 1) * 127.5).features
        return features
