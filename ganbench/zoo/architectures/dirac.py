"""The smallest game: one point against a linear discriminator (Mescheder et al., 2018, definition 2.1)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ganbench.api import Noise, Players, Signature
from ganbench.errors import Unsupported
from ganbench.zoo.architectures.choices import Coordinate


class DiracGenerator(nn.Module):
    """The point theta, (batch, d), whatever the noise (batch, 1) is."""

    def __init__(self, theta: Tensor) -> None:
        super().__init__()
        self.theta = nn.Parameter(theta)

    def forward(self, noise: Tensor) -> Tensor:
        """Repeat the same point for each row of the noise."""
        return self.theta.expand(noise.shape[0], -1)


class DiracDiscriminator(nn.Module):
    """Points (batch, d) to raw scores (batch, 1): psi · x, without a bias."""

    def __init__(self, psi: Tensor) -> None:
        super().__init__()
        self.psi = nn.Parameter(psi)

    def forward(self, x: Tensor) -> Tensor:
        """Raw scores (batch, 1)."""
        return (x.to(self.psi.dtype) @ self.psi).unsqueeze(1)


def build_dirac(
    signature: Signature,
    *,
    theta: Coordinate | tuple[Coordinate, ...] = 1.0,
    psi: Coordinate | tuple[Coordinate, ...] = 1.0,
    discriminator_outputs: int = 1,
) -> Players:
    """Build the Dirac-GAN; with a point mass at 0 as its data the equilibrium is theta = psi = 0.

    Nothing is drawn: every seed plays the same game. Both vectors are float64 until training sets its
    precision, so that under float64 an initial 0.3 is 0.3 to the last bit.

    Args:
        signature: points.
        theta: where G begins: one number for every coordinate, or one a coordinate.
        psi: where D begins, likewise.
        discriminator_outputs: raw scores of one sample; D has one.

    Raises:
        Unsupported: the data are images, or the loss needs more than one output.
        ValueError: a vector is of another dimension than the data, or an entry is out of bounds.
    """
    if signature.kind != "points":
        raise Unsupported(f"dirac plays with points, the data are {signature.kind}s")
    if discriminator_outputs != 1:
        raise Unsupported(f"dirac's discriminator has 1 output, the loss needs {discriminator_outputs}")
    dimension = math.prod(signature.shape)
    return Players(
        generator=DiracGenerator(_vector("theta", theta, dimension)),
        discriminator=DiracDiscriminator(_vector("psi", psi, dimension)),
        noise=Noise(size=1),
        couples_samples=False,
    )


def _vector(option: str, given: float | tuple[float, ...], dimension: int) -> Tensor:
    entries = given if isinstance(given, tuple) else (given,) * dimension
    if len(entries) != dimension:
        raise ValueError(
            f"{option} must be one number, or {dimension}, one a coordinate of the data, given {len(entries)}"
        )
    return torch.tensor(entries, dtype=torch.float64)
