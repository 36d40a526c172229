"""The built-in metrics: specs only; the arithmetic is in the modules beside."""

from __future__ import annotations

from collections.abc import Iterable

from ganbench.api.hookspecs import hookimpl
from ganbench.api.lazy import lazy
from ganbench.api.specs import MetricSpec


@hookimpl
def ganbench_metrics() -> Iterable[MetricSpec]:
    """Register the built-in metrics."""
    yield MetricSpec(
        name="fid",
        build=lazy("ganbench.zoo.metrics.feature_metrics:Fid"),
        directions={"fid": "lower"},
        # Its authors' advice; the bias falls as 1/N and depends on the model (Chong and Forsyth, 2020).
        biased_below={"fid": 10_000},
        summary="Fréchet distance of Gaussians fitted to an extractor's features; torch-fidelity's number.",
        reference="Heusel et al., 2017, equation 6",
    )
    yield MetricSpec(
        name="intra_fid",
        build=lazy("ganbench.zoo.metrics.feature_metrics:IntraFid"),
        directions={"intra_fid": "lower"},
        # As of fid, of each class.
        biased_below={"intra_fid": 10_000},
        summary="The mean over classes of the fid within each class, for conditional generators.",
        reference="Miyato and Koyama, 2018 (cGANs with projection discriminator), section 4",
    )
    yield MetricSpec(
        name="is",
        build=lazy("ganbench.zoo.metrics.feature_metrics:InceptionScore"),
        directions={"is": "higher"},
        # Its authors evaluate 50,000, in ten parts; biased as FID is (Chong and Forsyth, 2020).
        biased_below={"is": 50_000},
        summary="Inception Score on an extractor's logits, and its deviation over splits; torch-fidelity's.",
        reference="Salimans et al., 2016, section 4",
    )
    yield MetricSpec(
        name="kid",
        build=lazy("ganbench.zoo.metrics.feature_metrics:Kid"),
        directions={"kid": "lower"},
        summary="Kernel distance of an extractor's features, unbiased, and its deviation; torch-fidelity's.",
        reference="Bińkowski et al., 2018, section 4",
    )
    yield MetricSpec(
        name="precision",
        build=lazy("ganbench.zoo.metrics.feature_metrics:BallShare", "precision", neighbours=3),
        directions={"precision": "higher"},
        summary="The share of generated images that lie among real ones, by features; torch-fidelity's.",
        reference="Kynkäänniemi et al., 2019, equation 2",
    )
    yield MetricSpec(
        name="recall",
        build=lazy("ganbench.zoo.metrics.feature_metrics:BallShare", "recall", neighbours=3),
        directions={"recall": "higher"},
        summary="The share of real images that lie among generated ones, by features; torch-fidelity's.",
        reference="Kynkäänniemi et al., 2019, equation 2",
    )
    yield MetricSpec(
        name="density",
        build=lazy("ganbench.zoo.metrics.feature_metrics:BallShare", "density", neighbours=5),
        directions={"density": "higher"},
        summary="Precision that an outlier of the data cannot raise: how many real images' balls hold one.",
        reference="Naeem et al., 2020, section 3",
    )
    yield MetricSpec(
        name="coverage",
        build=lazy("ganbench.zoo.metrics.feature_metrics:BallShare", "coverage", neighbours=5),
        directions={"coverage": "higher"},
        summary="Recall that an outlier of the samples cannot raise: the share of real images with one near.",
        reference="Naeem et al., 2020, section 3",
    )
    yield MetricSpec(
        name="modes",
        build=lazy("ganbench.zoo.metrics.modes:Modes"),
        directions={"modes": "higher"},
        summary="How many modes of a mixture have at least one sample close by.",
        reference="Srivastava et al., 2017 (VEEGAN); Lin et al., 2018 (PacGAN), section 4.1",
    )
    yield MetricSpec(
        name="high_quality",
        build=lazy("ganbench.zoo.metrics.modes:HighQuality"),
        directions={"high_quality": "higher"},
        summary="The share of samples close to a mode of a mixture; a fraction, where papers have percent.",
        reference="Srivastava et al., 2017 (VEEGAN); Lin et al., 2018 (PacGAN), section 4.1",
    )
    yield MetricSpec(
        name="reverse_kl",
        build=lazy("ganbench.zoo.metrics.modes:ReverseKl"),
        directions={"reverse_kl": "lower"},
        summary="KL(generated || real) of the modes' shares of the samples close to a mode, in nats.",
        reference="Lin et al., 2018 (PacGAN), section 4.1, and its published code",
    )
    yield MetricSpec(
        name="class_modes",
        build=lazy("ganbench.zoo.metrics.class_modes:ClassModes"),
        directions={"class_modes": "higher", "class_reverse_kl": "lower"},
        summary="How many classes (modes of stacked_mnist) a classifier finds among the samples; how evenly.",
        reference="Lin et al., 2018 (PacGAN), table 2",
    )
    yield MetricSpec(
        name="wasserstein",
        build=lazy("ganbench.zoo.metrics.wasserstein:WassersteinDistance"),
        directions={"wasserstein": "lower", "sliced_wasserstein": "lower"},
        summary="Wasserstein distance of points, exact or sliced; POT's.",
        reference="Arjovsky et al., 2017, section 2; sliced: Bonneel et al., 2015",
    )
    yield MetricSpec(
        name="frechet",
        build=lazy("ganbench.zoo.metrics.coordinates:PointFrechet"),
        directions={"frechet": "lower"},
        summary="Fréchet distance of Gaussians fitted to the points themselves.",
        reference="Dowson and Landau, 1982",
    )
    yield MetricSpec(
        name="mmd",
        build=lazy("ganbench.zoo.metrics.mmd:Mmd"),
        directions={"mmd": "lower"},
        summary="Squared maximum mean discrepancy of points, unbiased, with five Gaussian kernels.",
        reference="Gretton et al., 2012, equation 3",
    )
    yield MetricSpec(
        name="jsd",
        build=lazy("ganbench.zoo.metrics.jensen_shannon:JensenShannon"),
        directions={"jsd": "lower"},
        summary="Jensen-Shannon divergence from a known density in 1-D or 2-D, and its floor; nats.",
        reference="Goodfellow et al., 2014, theorem 1",
    )
    yield MetricSpec(
        name="parzen",
        build=lazy("ganbench.zoo.metrics.parzen:Parzen"),
        directions={"parzen": "higher"},
        summary="Parzen window log-likelihood of test images; beside it that of real images and of k-means.",
        reference="Goodfellow et al., 2014, table 1; Theis et al., 2016",
    )
    yield MetricSpec(
        name="psnr",
        build=lazy("ganbench.zoo.metrics.restoration:Psnr"),
        directions={"psnr": "higher"},
        summary="Peak signal-to-noise ratio of restored images, in dB; torchmetrics'.",
        reference="Ledig et al., 2017 (SRGAN)",
    )
    yield MetricSpec(
        name="ssim",
        build=lazy("ganbench.zoo.metrics.restoration:Ssim"),
        directions={"ssim": "higher"},
        summary="Structural similarity of restored images; torchmetrics'.",
        reference="Wang et al., 2004",
    )
