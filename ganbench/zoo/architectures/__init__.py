"""The built-in architectures, their specs on one screen; the nets are in the modules beside this one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping

from ganbench.api import ArchitectureSpec, Players, hookimpl
from ganbench.api.lazy import lazy

_mlp = lazy("ganbench.zoo.architectures.mlp:build_mlp")
# Presets are mlp with other defaults: any option given beside them still counts.
_mlp_goodfellow = lazy(
    "ganbench.zoo.architectures.mlp:build_mlp",
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
_mlp_pacgan = lazy(
    "ganbench.zoo.architectures.mlp:build_mlp",
    generator_widths=(400, 400, 400, 400),
    discriminator_widths=(200, 200, 200),
    noise=2,
    discriminator_activation="maxout",
    generator_batch_norm=True,
    init="normal",
)
_dcgan = lazy("ganbench.zoo.architectures.dcgan:build_dcgan")
_infogan = lazy("ganbench.zoo.architectures.infogan:build_infogan")
_sndcgan = lazy("ganbench.zoo.architectures.sndcgan:build_sndcgan")
_resnet32 = lazy("ganbench.zoo.architectures.resnet32:build_resnet32")
_rbf = lazy("ganbench.zoo.architectures.rbf:build_rbf")
_dirac = lazy("ganbench.zoo.architectures.dirac:build_dirac")
_vae = lazy("ganbench.zoo.architectures.coders:build_vae")
_autoencoder = lazy("ganbench.zoo.architectures.coders:build_autoencoder")


@hookimpl
def ganbench_architectures() -> Iterator[ArchitectureSpec]:
    """Register the built-in architectures."""
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


def _sizes_of(build: Callable[..., Players], *published: str) -> Callable[[], Mapping[str, str]]:
    def details() -> Mapping[str, str]:
        from ganbench.zoo.architectures.parameter_counts import GENERAL, parameter_counts

        return parameter_counts(build, published or GENERAL)

    return details
