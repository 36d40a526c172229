"""Super-resolution as plugins of ganbench: SRResNet, SRGAN's loss, pairs of pictures, metrics and a grid."""

from __future__ import annotations

from collections.abc import Iterable

from ganbench import ArchitectureSpec, DatasetSpec, GridSpec, LossSpec, MetricSpec, hookimpl
from ganbench_super_resolution.architecture import sr_bicubic, sr_resnet
from ganbench_super_resolution.crops import FolderCrops, PhotographCrops
from ganbench_super_resolution.objective import PixelLoss, SrganLoss
from ganbench_super_resolution.pairs import Pairs
from ganbench_super_resolution.sharpness import Sharpness

_PAPER = "Ledig et al. (2017), Photo-realistic single image super-resolution using a GAN (SRGAN)"


@hookimpl
def ganbench_architectures() -> Iterable[ArchitectureSpec]:
    """Register the architectures."""
    yield ArchitectureSpec(
        name="sr_resnet",
        build=sr_resnet,
        summary="SRResNet, which makes small pictures 2 or 4 times larger, and SRGAN's discriminator.",
        reference=f"{_PAPER}, figure 4",
    )
    yield ArchitectureSpec(
        name="sr_bicubic",
        build=sr_bicubic,
        summary="Bicubic interpolation in the generator's place, and SRGAN's discriminator.",
        reference=f"{_PAPER}, table 2",
    )


@hookimpl
def ganbench_losses() -> Iterable[LossSpec]:
    """Register the losses."""
    yield LossSpec(
        name="sr_pixel",
        build=PixelLoss,
        summary="The mean squared error of pixels alone; D learns to tell, and G does not listen.",
        reference=f"{_PAPER}, equation 4",
        formula_d="-E[log D(x)] - E[log(1 - D(G(y)))]",
        formula_g="E[(x - G(y))²]",
    )
    yield LossSpec(
        name="srgan",
        build=SrganLoss,
        summary="A content loss, of pixels or of a fixed network's features, and an adversarial loss.",
        reference=f"{_PAPER}, equations 3 to 6",
        formula_d="-E[log D(x)] - E[log(1 - D(G(y)))]",
        formula_g="E[pixels · (x - G(y))² + f · (φ(x) - φ(G(y)))²] - weight · E[log D(G(y))]",
    )


@hookimpl
def ganbench_datasets() -> Iterable[DatasetSpec]:
    """Register the data sets."""
    yield DatasetSpec(
        name="sr_pairs",
        build=Pairs,
        summary="The images of another data set, to be restored from what a bicubic filter leaves of them.",
        reference=f"{_PAPER}, section 3.1",
    )
    yield DatasetSpec(
        name="sr_photographs",
        build=PhotographCrops,
        summary="Parts of scikit-learn's two photographs: one to train on, the other to test on.",
    )
    yield DatasetSpec(
        name="sr_crops",
        build=FolderCrops,
        summary="Parts of the pictures in a folder, at random places.",
    )


@hookimpl
def ganbench_metrics() -> Iterable[MetricSpec]:
    """Register the metric."""
    yield MetricSpec(
        name="sr_sharpness",
        build=Sharpness,
        directions={"sr_sharpness": "higher"},
        summary="Whether restored images have as much gradient as the originals: 1, less for blur and noise.",
    )


@hookimpl
def ganbench_grids() -> Iterable[GridSpec]:
    """Register the grid; what it is for stands in its first line."""
    yield GridSpec(name="super-resolution", path="super-resolution.toml")
