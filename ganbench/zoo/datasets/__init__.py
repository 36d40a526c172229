"""The built-in data sets: specs only; each one's reading is in the module beside."""

from __future__ import annotations

from collections.abc import Iterable

from ganbench.api.hookspecs import hookimpl
from ganbench.api.lazy import lazy
from ganbench.api.specs import DatasetSpec
from ganbench.zoo.datasets.layouts import (
    LAYOUTS,
    array_details,
    folder_details,
    option_details,
    table_details,
)


@hookimpl
def ganbench_datasets() -> Iterable[DatasetSpec]:
    """Register the built-in data sets."""
    yield DatasetSpec(
        name="digits",
        build=lazy("ganbench.zoo.datasets.digits:Digits"),
        summary="Handwritten digits, 8x8 grey, 10 classes; 1,442 train and 355 test images; scikit-learn's.",
        reference="Alpaydin and Kaynak, 1998 (UCI, optical recognition of handwritten digits)",
        details=option_details,
    )
    yield DatasetSpec(
        name="mnist",
        build=lazy("ganbench.zoo.datasets.mnist:MnistLike", "mnist"),
        summary="Handwritten digits, 28x28 grey, 10 classes; 60,000 train and 10,000 test images.",
        reference="LeCun, Bottou, Bengio and Haffner, 1998",
        details=LAYOUTS["mnist"].details,
    )
    yield DatasetSpec(
        name="kmnist",
        build=lazy("ganbench.zoo.datasets.mnist:MnistLike", "kmnist"),
        summary="Cursive Japanese characters, 28x28 grey, 10 classes; 60,000 train and 10,000 test images.",
        reference="Clanuwat et al., 2018, arXiv:1812.01718",
        details=LAYOUTS["kmnist"].details,
    )
    yield DatasetSpec(
        name="fashion_mnist",
        build=lazy("ganbench.zoo.datasets.mnist:MnistLike", "fashion_mnist"),
        summary="Clothes, 28x28 grey, 10 classes; 60,000 train and 10,000 test images.",
        reference="Xiao, Rasul and Vollgraf, 2017, arXiv:1708.07747",
        details=LAYOUTS["fashion_mnist"].details,
    )
    yield DatasetSpec(
        name="cifar10",
        build=lazy("ganbench.zoo.datasets.small_photographs:Cifar", "cifar10"),
        summary="Photographs, 32x32 RGB, 10 classes; 50,000 train and 10,000 test images.",
        reference="Krizhevsky, 2009",
        details=LAYOUTS["cifar10"].details,
    )
    yield DatasetSpec(
        name="cifar100",
        build=lazy("ganbench.zoo.datasets.small_photographs:Cifar", "cifar100"),
        summary="Photographs, 32x32 RGB, 100 classes; 50,000 train and 10,000 test images.",
        reference="Krizhevsky, 2009",
        details=LAYOUTS["cifar100"].details,
    )
    yield DatasetSpec(
        name="svhn",
        build=lazy("ganbench.zoo.datasets.small_photographs:Svhn"),
        summary="House numbers, 32x32 RGB, 10 classes; 73,257 train and 26,032 test images.",
        reference="Netzer et al., 2011",
        details=LAYOUTS["svhn"].details,
    )
    yield DatasetSpec(
        name="stl10",
        build=lazy("ganbench.zoo.datasets.stl10:Stl10"),
        summary="Photographs, 96x96 RGB: 5,000 train and 8,000 test images of 10 classes, 100,000 without.",
        reference="Coates, Lee and Ng, 2011",
        details=LAYOUTS["stl10"].details,
    )
    yield DatasetSpec(
        name="celeba",
        build=lazy("ganbench.zoo.datasets.celeba:CelebA"),
        summary="Aligned faces, cut to a square; 162,770 train and 19,962 test images; labels by attribute.",
        reference="Liu, Luo, Wang and Tang, 2015",
        details=LAYOUTS["celeba"].details,
    )
    yield DatasetSpec(
        name="stacked_mnist",
        build=lazy("ganbench.zoo.datasets.stacked_mnist:StackedMnist"),
        summary="Three digits in three channels, 28x28: 1,000 modes, for seeing mode collapse.",
        reference="Metz et al., 2017; Lin, Khetan, Fanti and Oh, 2018 (PacGAN), section 4.2",
    )
    yield DatasetSpec(
        name="image_folder",
        build=lazy("ganbench.zoo.datasets.image_folder:ImageFolder"),
        summary="A folder or archive of your own pictures, cut and resized once, memory-mapped.",
        details=folder_details,
    )
    yield DatasetSpec(
        name="arrays",
        build=lazy("ganbench.zoo.datasets.own_arrays:build_arrays"),
        summary="Your own images or points in a .npy or .npz, of any numbers, with labels and conditions.",
        details=array_details,
    )
    yield DatasetSpec(
        name="table",
        build=lazy("ganbench.zoo.datasets.own_table:OwnTable"),
        summary="Your own points of any dimension: columns of a .csv, .tsv, .txt or .parquet, by name.",
        details=table_details,
    )
    yield DatasetSpec(
        name="gaussian_ring",
        build=lazy("ganbench.zoo.datasets.gaussian_mixtures:GaussianRing"),
        summary="A ring of 2-D Gaussians, for seeing mode collapse; PacGAN's numbers by default.",
        reference="Lin, Khetan, Fanti and Oh, 2018 (PacGAN), section 4.1",
    )
    yield DatasetSpec(
        name="gaussian_grid",
        build=lazy("ganbench.zoo.datasets.gaussian_mixtures:GaussianGrid"),
        summary="A square grid of 2-D Gaussians, for seeing mode collapse; PacGAN's 25 by default.",
        reference="Lin, Khetan, Fanti and Oh, 2018 (PacGAN), section 4.1",
    )
    yield DatasetSpec(
        name="gaussian_1d",
        build=lazy("ganbench.zoo.datasets.gaussian_mixtures:Gaussian1d"),
        summary="A mixture of Gaussians on a line, for holding D against p/(p + p_g).",
        reference="Goodfellow et al., 2014, proposition 1 and figure 1",
    )
    yield DatasetSpec(
        name="point_mass",
        build=lazy("ganbench.zoo.datasets.point_sets:PointMass"),
        summary="All points in one place: the data of the Dirac-GAN.",
        reference="Mescheder, Geiger and Nowozin, 2018, section 2",
    )
    yield DatasetSpec(
        name="parallel_lines",
        build=lazy("ganbench.zoo.datasets.point_sets:ParallelLines"),
        summary="A segment in the plane: JSD is log 2 from any parallel one, Wasserstein the offset.",
        reference="Arjovsky, Chintala and Bottou, 2017, example 1; Fedus et al., 2018",
    )
    yield DatasetSpec(
        name="swiss_roll",
        build=lazy("ganbench.zoo.datasets.swiss_roll:SwissRoll"),
        summary="A blurred spiral in the plane, with the numbers of WGAN-GP's toy.",
        reference="Gulrajani et al., 2017 (gan_toy.py); scikit-learn's make_swiss_roll",
    )
