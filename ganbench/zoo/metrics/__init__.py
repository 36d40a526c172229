"""The built-in metrics: specs only; the arithmetic is in the modules beside."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

from ganbench.api.hookspecs import hookimpl
from ganbench.api.specs import MetricSpec

if TYPE_CHECKING:
    from ganbench.api.data import Metric


def build_fid() -> Metric:
    """Fréchet distance between the features of generated and of real images."""
    from ganbench.zoo.metrics.fid import Fid

    return Fid()


def build_intra_fid(per_class: bool = False) -> Metric:
    """Fréchet distance within each class, the mean over classes; `per_class`: each of them beside it."""
    from ganbench.zoo.metrics.intra_fid import IntraFid

    return IntraFid(per_class=per_class)


def build_inception_score(splits: int = 10) -> Metric:
    """How sure a classifier is of each image and how varied its answers are; mean over `splits` parts."""
    from ganbench.zoo.metrics.inception_score import InceptionScore

    return InceptionScore(splits=splits)


def build_kid(subsets: int = 100, subset_size: int = 1000) -> Metric:
    """Kernel distance between features of real and generated images: mean over `subsets` random subsets."""
    from ganbench.zoo.metrics.kid import Kid

    return Kid(subsets=subsets, subset_size=subset_size)


def build_precision(neighbours: int = 3) -> Metric:
    """The share of generated images no farther from a real one than its `neighbours`-th nearest real one."""
    from ganbench.scoring.neighbours import precision
    from ganbench.zoo.metrics.ball_share import BallShare

    return BallShare(precision, neighbours=neighbours)


def build_recall(neighbours: int = 3) -> Metric:
    """The share of real images no farther from a generated one than its `neighbours`-th generated one."""
    from ganbench.scoring.neighbours import recall
    from ganbench.zoo.metrics.ball_share import BallShare

    return BallShare(recall, neighbours=neighbours)


def build_density(neighbours: int = 5) -> Metric:
    """How many real images are nearer to a generated one than to their `neighbours`-th real one, by that."""
    from ganbench.scoring.neighbours import density
    from ganbench.zoo.metrics.ball_share import BallShare

    return BallShare(density, neighbours=neighbours)


def build_coverage(neighbours: int = 5) -> Metric:
    """The share of real images that have a generated one nearer than their `neighbours`-th real one."""
    from ganbench.scoring.neighbours import coverage
    from ganbench.zoo.metrics.ball_share import BallShare

    return BallShare(coverage, neighbours=neighbours)


def build_modes(stds: float = 3.0) -> Metric:
    """How many of the data's modes have a sample within `stds` standard deviations."""
    from ganbench.zoo.metrics.modes import Modes

    return Modes(stds=stds)


def build_high_quality(stds: float = 3.0) -> Metric:
    """The share of samples within `stds` standard deviations of a mode, from 0 to 1."""
    from ganbench.zoo.metrics.modes import HighQuality

    return HighQuality(stds=stds)


def build_reverse_kl(stds: float = 3.0) -> Metric:
    """KL from the real to the generated shares of the modes, of samples within `stds` deviations of one."""
    from ganbench.zoo.metrics.modes import ReverseKl

    return ReverseKl(stds=stds)


def build_class_modes() -> Metric:
    """How many classes a classifier finds among the samples, and how evenly."""
    from ganbench.zoo.metrics.class_modes import ClassModes

    return ClassModes()


def build_wasserstein(
    method: Literal["exact", "sliced"] = "exact",
    order: Literal[1, 2] = 1,
    samples: int = 2000,
    projections: int = 100,
) -> Metric:
    """Optimal transport between `samples` points of each side; sliced: along `projections` directions."""
    from ganbench.zoo.metrics.wasserstein import Wasserstein

    return Wasserstein(method=method, order=order, samples=samples, projections=projections)


def build_frechet() -> Metric:
    """Fréchet distance between the coordinates of points, as they are."""
    from ganbench.zoo.metrics.frechet import PointFrechet

    return PointFrechet()


def build_mmd(samples: int = 2000, bandwidth: float | None = None) -> Metric:
    """Mean discrepancy of `samples` points a side; `bandwidth`: else the reference's median distance."""
    from ganbench.zoo.metrics.mmd import Mmd

    return Mmd(samples=samples, bandwidth=bandwidth)


def build_jensen_shannon(bins: int = 400) -> Metric:
    """Divergence from the data's density, over `bins` cells an axis."""
    from ganbench.zoo.metrics.jensen_shannon import JensenShannon

    return JensenShannon(bins=bins)


def build_parzen() -> Metric:
    """Log-likelihood of test images under a Parzen window on the generated ones, and on real ones."""
    from ganbench.zoo.metrics.parzen import Parzen

    return Parzen()


def build_psnr() -> Metric:
    """Peak signal-to-noise ratio of each image against the one that its condition belongs to."""
    from ganbench.zoo.metrics.restoration import Psnr

    return Psnr()


def build_ssim() -> Metric:
    """Structural similarity of each image to the one that its condition belongs to."""
    from ganbench.zoo.metrics.restoration import Ssim

    return Ssim()


@hookimpl
def ganbench_metrics() -> Iterable[MetricSpec]:
    """The metrics that come with ganbench."""
    yield MetricSpec(
        name="fid",
        build=build_fid,
        directions={"fid": "lower"},
        # Its authors' advice; the bias falls as 1/N and depends on the model (Chong and Forsyth, 2020).
        biased_below={"fid": 10_000},
        summary="Fréchet distance of Gaussians fitted to an extractor's features; torch-fidelity's number.",
        reference="Heusel et al., 2017, equation 6",
    )
    yield MetricSpec(
        name="intra_fid",
        build=build_intra_fid,
        directions={"intra_fid": "lower"},
        # As of fid, of each class.
        biased_below={"intra_fid": 10_000},
        summary="The mean over classes of the fid within each class, for conditional generators.",
        reference="Miyato and Koyama, 2018 (cGANs with projection discriminator), section 4",
    )
    yield MetricSpec(
        name="is",
        build=build_inception_score,
        directions={"is": "higher"},
        # Its authors evaluate 50,000, in ten parts; biased as FID is (Chong and Forsyth, 2020).
        biased_below={"is": 50_000},
        summary="Inception Score on an extractor's logits, and its deviation over splits; torch-fidelity's.",
        reference="Salimans et al., 2016, section 4",
    )
    yield MetricSpec(
        name="kid",
        build=build_kid,
        directions={"kid": "lower"},
        summary="Kernel distance of an extractor's features, unbiased, and its deviation; torch-fidelity's.",
        reference="Bińkowski et al., 2018, section 4",
    )
    yield MetricSpec(
        name="precision",
        build=build_precision,
        directions={"precision": "higher"},
        summary="The share of generated images that lie among real ones, by features; torch-fidelity's.",
        reference="Kynkäänniemi et al., 2019, equation 2",
    )
    yield MetricSpec(
        name="recall",
        build=build_recall,
        directions={"recall": "higher"},
        summary="The share of real images that lie among generated ones, by features; torch-fidelity's.",
        reference="Kynkäänniemi et al., 2019, equation 2",
    )
    yield MetricSpec(
        name="density",
        build=build_density,
        directions={"density": "higher"},
        summary="Precision that an outlier of the data cannot raise: how many real images' balls hold one.",
        reference="Naeem et al., 2020, section 3",
    )
    yield MetricSpec(
        name="coverage",
        build=build_coverage,
        directions={"coverage": "higher"},
        summary="Recall that an outlier of the samples cannot raise: the share of real images with one near.",
        reference="Naeem et al., 2020, section 3",
    )
    yield MetricSpec(
        name="modes",
        build=build_modes,
        directions={"modes": "higher"},
        summary="How many modes of a mixture have at least one sample close by.",
        reference="Srivastava et al., 2017 (VEEGAN); Lin et al., 2018 (PacGAN), section 4.1",
    )
    yield MetricSpec(
        name="high_quality",
        build=build_high_quality,
        directions={"high_quality": "higher"},
        summary="The share of samples close to a mode of a mixture; a fraction, where papers have percent.",
        reference="Srivastava et al., 2017 (VEEGAN); Lin et al., 2018 (PacGAN), section 4.1",
    )
    yield MetricSpec(
        name="reverse_kl",
        build=build_reverse_kl,
        directions={"reverse_kl": "lower"},
        summary="KL(generated || real) of the modes' shares of the samples close to a mode, in nats.",
        reference="Lin et al., 2018 (PacGAN), section 4.1, and its published code",
    )
    yield MetricSpec(
        name="class_modes",
        build=build_class_modes,
        directions={"class_modes": "higher", "class_reverse_kl": "lower"},
        summary="How many classes (modes of stacked_mnist) a classifier finds among the samples; how evenly.",
        reference="Lin et al., 2018 (PacGAN), table 2",
    )
    yield MetricSpec(
        name="wasserstein",
        build=build_wasserstein,
        directions={"wasserstein": "lower", "sliced_wasserstein": "lower"},
        summary="Wasserstein distance of points, exact or sliced; POT's.",
        reference="Arjovsky et al., 2017, section 2; sliced: Bonneel et al., 2015",
    )
    yield MetricSpec(
        name="frechet",
        build=build_frechet,
        directions={"frechet": "lower"},
        summary="Fréchet distance of Gaussians fitted to the points themselves.",
        reference="Dowson and Landau, 1982",
    )
    yield MetricSpec(
        name="mmd",
        build=build_mmd,
        directions={"mmd": "lower"},
        summary="Squared maximum mean discrepancy of points, unbiased, with five Gaussian kernels.",
        reference="Gretton et al., 2012, equation 3",
    )
    yield MetricSpec(
        name="jsd",
        build=build_jensen_shannon,
        directions={"jsd": "lower"},
        summary="Jensen-Shannon divergence from a known density in 1-D or 2-D, and its floor; nats.",
        reference="Goodfellow et al., 2014, theorem 1",
    )
    yield MetricSpec(
        name="parzen",
        build=build_parzen,
        directions={"parzen": "higher"},
        summary="Parzen window log-likelihood of test images; beside it that of real images and of k-means.",
        reference="Goodfellow et al., 2014, table 1; Theis et al., 2016",
    )
    yield MetricSpec(
        name="psnr",
        build=build_psnr,
        directions={"psnr": "higher"},
        summary="Peak signal-to-noise ratio of restored images, in dB; torchmetrics'.",
        reference="Ledig et al., 2017 (SRGAN)",
    )
    yield MetricSpec(
        name="ssim",
        build=build_ssim,
        directions={"ssim": "higher"},
        summary="Structural similarity of restored images; torchmetrics'.",
        reference="Wang et al., 2004",
    )
