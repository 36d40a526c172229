"""The built-in architectures, their specs on one screen; the nets are in the modules beside this one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from ganbench.api import ArchitectureSpec, Players, Signature, hookimpl


@hookimpl
def ganbench_architectures() -> Iterator[ArchitectureSpec]:
    """The built-in architectures."""
    yield ArchitectureSpec(
        name="mlp",
        build=_mlp,
        summary="Fully connected generator and discriminator, for images and for points.",
    )
    yield ArchitectureSpec(
        name="dcgan",
        build=_dcgan,
        summary="Strided convolutions, for square images of 8 to 64 pixels.",
        reference="Radford et al. (2016), Unsupervised Representation Learning with DCGANs",
    )


def _mlp(
    signature: Signature,
    *,
    generator_widths: tuple[int, ...] = (256, 256),
    discriminator_widths: tuple[int, ...] = (256, 256),
    noise: int = 64,
    noise_distribution: Literal["normal", "uniform"] = "normal",
    discriminator_outputs: int = 1,
) -> Players:
    from ganbench.zoo.architectures.mlp import build_mlp

    return build_mlp(
        signature,
        generator_widths=generator_widths,
        discriminator_widths=discriminator_widths,
        noise=noise,
        noise_distribution=noise_distribution,
        discriminator_outputs=discriminator_outputs,
    )


def _dcgan(
    signature: Signature,
    *,
    channels: int = 32,
    noise: int = 64,
    batch_norm: bool = True,
    discriminator_outputs: int = 1,
) -> Players:
    from ganbench.zoo.architectures.dcgan import build_dcgan

    return build_dcgan(
        signature,
        channels=channels,
        noise=noise,
        batch_norm=batch_norm,
        discriminator_outputs=discriminator_outputs,
    )
