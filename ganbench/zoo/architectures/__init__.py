"""The built-in architectures, their specs on one screen; the nets are in the modules beside this one."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Mapping

from ganbench.api import ArchitectureSpec, Players, Signature, hookimpl
from ganbench.zoo.architectures.choices import (
    Activation,
    Init,
    NoiseDistribution,
    Normalization,
    OutputActivation,
    Upsampling,
)


@hookimpl
def ganbench_architectures() -> Iterator[ArchitectureSpec]:
    """The built-in architectures."""
    yield ArchitectureSpec(
        name="mlp",
        build=_mlp,
        summary="Fully connected generator and discriminator, for images and for points.",
        details=_sizes_of(_mlp),
    )
    yield ArchitectureSpec(
        name="mlp_goodfellow",
        build=_mlp_goodfellow,
        summary="mlp with the 2014 paper's MNIST nets as its defaults; G's sigmoid is stretched to [-1, 1], "
        "where images are here, and its biases begin at 0, not at the data's marginals.",
        reference="Goodfellow et al. (2014), Generative Adversarial Networks; mnist.yaml of its code",
        details=_sizes_of(_mlp_goodfellow),
    )
    yield ArchitectureSpec(
        name="mlp_pacgan",
        build=_mlp_pacgan,
        summary="mlp with PacGAN's nets for 2-D mixtures as its defaults; its batches are of 100 packs, "
        "which with pack = m is a batch_size of 100 m here.",
        reference="Lin, Khetan, Fanti and Oh (2018), PacGAN; 2DRing_GAN&PacGAN of its code",
        details=_sizes_of(_mlp_pacgan),
    )
    yield ArchitectureSpec(
        name="dcgan",
        build=_dcgan,
        summary="Strided convolutions, for square images of 8 to 64 pixels.",
        reference="Radford et al. (2016), Unsupervised Representation Learning with DCGANs",
        details=_sizes_of(_dcgan),
    )
    yield ArchitectureSpec(
        name="infogan",
        build=_infogan,
        summary="Two convolutions and two fully connected layers: the nets of Lucic et al.'s comparison, its "
        "VAE's too.",
        reference="Chen et al. (2016), InfoGAN; Lucic et al. (2018), Are GANs Created Equal; compare_gan 1.0",
        details=_sizes_of(_infogan, "28x28 grey images"),
    )
    yield ArchitectureSpec(
        name="sndcgan",
        build=_sndcgan,
        summary="Transposed convolutions against seven spectrally normalised ones; sides of 8 to 128 pixels.",
        reference="Miyato et al. (2018), Spectral Normalization for GANs, table 3; Kurach et al. (2019); "
        "compare_gan",
        details=_sizes_of(_sndcgan, "32x32 RGB images"),
    )
    yield ArchitectureSpec(
        name="resnet32",
        build=_resnet32,
        summary="Residual blocks, as in SNGAN and Mimicry: their nets for 32 and 64 pixels, and for fewer.",
        reference="Miyato et al. (2018), Spectral Normalization for GANs, table 4; Miyato and Koyama (2018), "
        "cGANs with Projection Discriminator; Lee and Town (2020), Mimicry",
        details=_sizes_of(_resnet32, "32x32 RGB images", "64x64 RGB images"),
    )
    yield ArchitectureSpec(
        name="rbf",
        build=_rbf,
        summary="A generator of radial basis functions against a fully connected discriminator.",
        reference="Broomhead and Lowe (1988), Multivariable Functional Interpolation and Adaptive Networks",
        details=_sizes_of(_rbf),
    )
    yield ArchitectureSpec(
        name="dirac",
        build=_dirac,
        summary="G is a point, D is linear: the smallest game, whose every step can be worked out by hand.",
        reference="Mescheder et al. (2018), Which Training Methods for GANs Converge, definition 2.1",
        details=_sizes_of(_dirac),
    )
    yield ArchitectureSpec(
        name="vae",
        build=_vae,
        summary="A fully connected decoder, with an encoder in the discriminator's place; for the loss elbo.",
        reference="Kingma and Welling (2014), Auto-Encoding Variational Bayes, appendix C.2",
        details=_sizes_of(_vae),
    )
    yield ArchitectureSpec(
        name="autoencoder",
        build=_autoencoder,
        summary="A fully connected generator against an autoencoder; for the loss began.",
        reference="Berthelot et al. (2017), BEGAN: Boundary Equilibrium Generative Adversarial Networks",
        details=_sizes_of(_autoencoder),
    )


def _mlp(
    signature: Signature,
    *,
    generator_widths: tuple[int, ...] = (256, 256),
    discriminator_widths: tuple[int, ...] = (256, 256),
    noise: int = 64,
    noise_distribution: NoiseDistribution = "normal",
    noise_scale: float = 1.0,
    generator_activation: Activation = "relu",
    discriminator_activation: Activation = "leaky_relu",
    pieces: int = 5,
    generator_batch_norm: bool = False,
    output_activation: OutputActivation = "auto",
    normalization: Normalization = "none",
    input_dropout: float = 0.0,
    hidden_dropout: float = 0.0,
    pack: int = 1,
    init: Init = "default",
    generator_init_scale: float = 0.02,
    discriminator_init_scale: float = 0.02,
    discriminator_outputs: int = 1,
) -> Players:
    from ganbench.zoo.architectures.mlp import build_mlp

    return build_mlp(
        signature,
        generator_widths=generator_widths,
        discriminator_widths=discriminator_widths,
        noise=noise,
        noise_distribution=noise_distribution,
        noise_scale=noise_scale,
        generator_activation=generator_activation,
        discriminator_activation=discriminator_activation,
        pieces=pieces,
        generator_batch_norm=generator_batch_norm,
        output_activation=output_activation,
        normalization=normalization,
        input_dropout=input_dropout,
        hidden_dropout=hidden_dropout,
        pack=pack,
        init=init,
        generator_init_scale=generator_init_scale,
        discriminator_init_scale=discriminator_init_scale,
        discriminator_outputs=discriminator_outputs,
    )


# Presets are mlp with other defaults: any option given beside them still counts.
_mlp_goodfellow = functools.partial(
    _mlp,
    generator_widths=(1200, 1200),
    discriminator_widths=(240, 240),
    noise=100,
    noise_distribution="uniform",
    noise_scale=math.sqrt(3),
    discriminator_activation="maxout",
    output_activation="sigmoid",
    input_dropout=0.2,
    hidden_dropout=0.5,
    init="uniform",
    generator_init_scale=0.05,
    discriminator_init_scale=0.005,
)
_mlp_pacgan = functools.partial(
    _mlp,
    generator_widths=(400, 400, 400, 400),
    discriminator_widths=(200, 200, 200),
    noise=2,
    discriminator_activation="maxout",
    generator_batch_norm=True,
    init="normal",
)


def _dcgan(
    signature: Signature,
    *,
    channels: int = 32,
    discriminator_channels: int | None = None,
    noise: int = 64,
    batch_norm: bool = True,
    normalization: Normalization = "batch",
    pack: int = 1,
    conditional: bool = False,
    discriminator_outputs: int = 1,
) -> Players:
    from ganbench.zoo.architectures.dcgan import build_dcgan

    return build_dcgan(
        signature,
        channels=channels,
        discriminator_channels=discriminator_channels,
        noise=noise,
        batch_norm=batch_norm,
        normalization=normalization,
        pack=pack,
        conditional=conditional,
        discriminator_outputs=discriminator_outputs,
    )


def _infogan(
    signature: Signature,
    *,
    channels: int = 64,
    units: int = 1024,
    noise: int = 64,
    noise_distribution: NoiseDistribution = "uniform",
    batch_norm_decay: float = 0.999,
    normalization: Normalization = "batch",
    pack: int = 1,
    conditional: bool = False,
    discriminator_outputs: int | None = None,
) -> Players:
    from ganbench.zoo.architectures.infogan import build_infogan

    return build_infogan(
        signature,
        channels=channels,
        units=units,
        noise=noise,
        noise_distribution=noise_distribution,
        batch_norm_decay=batch_norm_decay,
        normalization=normalization,
        pack=pack,
        conditional=conditional,
        discriminator_outputs=discriminator_outputs,
    )


def _sndcgan(
    signature: Signature,
    *,
    channels: int = 64,
    discriminator_channels: int | None = None,
    noise: int = 128,
    noise_distribution: NoiseDistribution = "uniform",
    normalization: Normalization = "spectral",
    pack: int = 1,
    conditional: bool = False,
    discriminator_outputs: int = 1,
) -> Players:
    from ganbench.zoo.architectures.sndcgan import build_sndcgan

    return build_sndcgan(
        signature,
        channels=channels,
        discriminator_channels=discriminator_channels,
        noise=noise,
        noise_distribution=noise_distribution,
        normalization=normalization,
        pack=pack,
        conditional=conditional,
        discriminator_outputs=discriminator_outputs,
    )


def _resnet32(
    signature: Signature,
    *,
    generator_channels: int | None = None,
    discriminator_channels: int | None = None,
    noise: int = 128,
    noise_distribution: NoiseDistribution = "normal",
    upsampling: Upsampling = "nearest",
    normalization: Normalization = "spectral",
    pack: int = 1,
    conditional: bool = False,
    discriminator_outputs: int = 1,
) -> Players:
    from ganbench.zoo.architectures.resnet32 import build_resnet32

    return build_resnet32(
        signature,
        generator_channels=generator_channels,
        discriminator_channels=discriminator_channels,
        noise=noise,
        noise_distribution=noise_distribution,
        upsampling=upsampling,
        normalization=normalization,
        pack=pack,
        conditional=conditional,
        discriminator_outputs=discriminator_outputs,
    )


def _rbf(
    signature: Signature,
    *,
    centres: int = 256,
    bandwidth: float = 0.2,
    noise: int = 2,
    noise_distribution: NoiseDistribution = "normal",
    discriminator_widths: tuple[int, ...] = (256, 256),
    normalization: Normalization = "none",
    pack: int = 1,
    discriminator_outputs: int = 1,
) -> Players:
    from ganbench.zoo.architectures.rbf import build_rbf

    return build_rbf(
        signature,
        centres=centres,
        bandwidth=bandwidth,
        noise=noise,
        noise_distribution=noise_distribution,
        discriminator_widths=discriminator_widths,
        normalization=normalization,
        pack=pack,
        discriminator_outputs=discriminator_outputs,
    )


def _dirac(
    signature: Signature,
    *,
    theta: float | tuple[float, ...] = 1.0,
    psi: float | tuple[float, ...] = 1.0,
    discriminator_outputs: int = 1,
) -> Players:
    from ganbench.zoo.architectures.dirac import build_dirac

    return build_dirac(signature, theta=theta, psi=psi, discriminator_outputs=discriminator_outputs)


def _vae(
    signature: Signature,
    *,
    decoder_widths: tuple[int, ...] = (256, 256),
    encoder_widths: tuple[int, ...] = (256, 256),
    noise: int = 16,
    activation: Activation = "relu",
    pieces: int = 5,
    discriminator_outputs: int | None = None,
) -> Players:
    from ganbench.zoo.architectures.vae import build_vae

    return build_vae(
        signature,
        decoder_widths=decoder_widths,
        encoder_widths=encoder_widths,
        noise=noise,
        activation=activation,
        pieces=pieces,
        discriminator_outputs=discriminator_outputs,
    )


def _autoencoder(
    signature: Signature,
    *,
    generator_widths: tuple[int, ...] = (256, 256),
    encoder_widths: tuple[int, ...] = (256, 256),
    code: int = 64,
    noise: int = 64,
    noise_distribution: NoiseDistribution = "uniform",
    activation: Activation = "elu",
    pieces: int = 5,
    discriminator_outputs: int | None = None,
) -> Players:
    from ganbench.zoo.architectures.autoencoder import build_autoencoder

    return build_autoencoder(
        signature,
        generator_widths=generator_widths,
        encoder_widths=encoder_widths,
        code=code,
        noise=noise,
        noise_distribution=noise_distribution,
        activation=activation,
        pieces=pieces,
        discriminator_outputs=discriminator_outputs,
    )


def _sizes_of(build: Callable[..., Players], *published: str) -> Callable[[], Mapping[str, str]]:
    def details() -> Mapping[str, str]:
        from ganbench.zoo.architectures.sizes import GENERAL, sizes

        return sizes(build, published or GENERAL)

    return details
