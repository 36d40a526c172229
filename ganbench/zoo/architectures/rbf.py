"""A radial-basis-function generator against a fully connected discriminator."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ganbench.api import Noise, Players, Signature
from ganbench.zoo.architectures.choices import Factor, NoiseDistribution, Normalization, Packed, Units, Widths
from ganbench.zoo.architectures.layers import output_layers
from ganbench.zoo.architectures.perceptrons import build_discriminator, needs_two_passes

# Each sample of a batch is held against every entry of every centre.
MAX_PRODUCT = 2**18


class RbfGenerator(nn.Module):
    """Noise (batch, size) to samples (batch, *shape): a weighted sum of Gaussian bumps in noise space.

    x(z) = W · phi(z) + b with phi_j(z) = exp(-|z - c_j|² / (2 · h_j²)) (Broomhead and Lowe, 1988). Centres c,
    bandwidths h, W and b all learn; c begins as draws of the noise itself, h as `bandwidth` · √size, which is
    how the distances between them grow.

    Args:
        noise: what it is given.
        centres: number of bumps.
        bandwidth: initial width of each, in units of the square root of the noise's size.
        shape: of one sample.
        last: what follows the sum.
    """

    def __init__(
        self,
        noise: Noise,
        centres: int,
        bandwidth: float,
        shape: tuple[int, ...],
        last: Sequence[nn.Module],
    ) -> None:
        super().__init__()
        self.shape = shape
        drawn = torch.randn(centres, noise.size)
        if noise.distribution == "uniform":
            drawn = torch.rand(centres, noise.size) * 2 - 1
        self.centres = nn.Parameter(drawn)
        # Its logarithm learns, so that it stays positive.
        self.log_bandwidth = nn.Parameter(
            torch.full((centres,), math.log(bandwidth) + math.log(noise.size) / 2)
        )
        self.net = nn.Sequential(nn.Linear(centres, math.prod(shape)), *last)

    def forward(self, noise: Tensor) -> Tensor:
        """Generate samples (batch, *shape)."""
        squared = (noise.unsqueeze(1) - self.centres).square().sum(2)
        bumps = torch.exp(-squared / (2 * torch.exp(2 * self.log_bandwidth)))
        samples: Tensor = self.net(bumps)
        return samples.view(-1, *self.shape)


def build_rbf(
    signature: Signature,
    *,
    centres: Units = 256,
    bandwidth: Factor = 0.2,
    noise: Units = 2,
    noise_distribution: NoiseDistribution = "normal",
    discriminator_widths: Widths = (256, 256),
    normalization: Normalization = "none",
    pack: Packed = 1,
    discriminator_outputs: int = 1,
) -> Players:
    """Build a radial-basis-function generator and the discriminator of `mlp`.

    Args:
        signature: images or points of any shape; images pass a tanh.
        centres: number of radial units.
        bandwidth: initial width of each, in units of the square root of `noise`.
        noise: entries of one noise vector.
        noise_distribution: N(0, 1), or U(-1, 1); where the centres begin.
        discriminator_widths: of D's hidden layers, leaky ReLU.
        normalization: of D, as in `mlp`.
        pack: samples that D judges together.
        discriminator_outputs: raw scores of one sample or pack.

    Raises:
        ValueError: an option is out of its bounds.
    """
    if centres * noise > MAX_PRODUCT:
        raise ValueError(f"centres times noise must be at most {MAX_PRODUCT}, given {centres} times {noise}")
    drawn = Noise(size=noise, distribution=noise_distribution)
    last = output_layers("auto", bounded=signature.kind == "image")
    generator = RbfGenerator(drawn, centres, bandwidth, signature.shape, last)
    discriminator = build_discriminator(
        math.prod(signature.shape),
        discriminator_widths,
        discriminator_outputs,
        normalization=normalization,
        pack=pack,
    )
    return Players(
        generator=generator,
        discriminator=discriminator,
        noise=drawn,
        couples_samples=needs_two_passes(normalization, pack),
    )
