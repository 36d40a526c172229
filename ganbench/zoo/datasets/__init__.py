"""The built-in data sets: specs only; each one's reading is in the module beside."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Literal

from ganbench.api.hookspecs import hookimpl
from ganbench.api.specs import DatasetSpec
from ganbench.zoo.datasets.layouts import LAYOUTS, folder_details, option_details

if TYPE_CHECKING:
    from ganbench.api.data import Dataset


def build_digits(
    size: int | None = None,
    flip: bool = False,
    classes: tuple[int, ...] | None = None,
    limit: int | None = None,
) -> Dataset:
    """1,797 handwritten digits, 8x8 grey, from scikit-learn; no download."""
    from ganbench.zoo.datasets.digits import Digits

    return Digits(size=size, flip=flip, classes=classes, limit=limit)


def build_mnist_like(
    name: str,
    size: int | None = None,
    flip: bool = False,
    classes: tuple[int, ...] | None = None,
    limit: int | None = None,
) -> Dataset:
    """70,000 pictures of ten classes, 28x28 grey, by the data set's name."""
    from ganbench.zoo.datasets.mnist import MnistLike

    return MnistLike(name, size=size, flip=flip, classes=classes, limit=limit)


def build_fashion_mnist(
    size: int | None = None,
    flip: bool = False,
    classes: tuple[int, ...] | None = None,
    limit: int | None = None,
) -> Dataset:
    """70,000 pictures of clothes, 28x28 grey."""
    return build_mnist_like("fashion_mnist", size=size, flip=flip, classes=classes, limit=limit)


def build_cifar(
    name: str,
    size: int | None = None,
    flip: bool = False,
    classes: tuple[int, ...] | None = None,
    limit: int | None = None,
) -> Dataset:
    """60,000 photographs, 32x32, by the data set's name."""
    from ganbench.zoo.datasets.cifar import Cifar

    return Cifar(name, size=size, flip=flip, classes=classes, limit=limit)


def build_svhn(
    size: int | None = None,
    flip: bool = False,
    classes: tuple[int, ...] | None = None,
    limit: int | None = None,
) -> Dataset:
    """99,289 house numbers, 32x32."""
    from ganbench.zoo.datasets.svhn import Svhn

    return Svhn(size=size, flip=flip, classes=classes, limit=limit)


def build_stl10(
    unlabeled: bool = False,
    size: int | None = None,
    flip: bool = False,
    classes: tuple[int, ...] | None = None,
    limit: int | None = None,
) -> Dataset:
    """13,000 photographs with labels, 96x96; `unlabeled`: train on the 100,000 without."""
    from ganbench.zoo.datasets.stl10 import Stl10

    return Stl10(unlabeled=unlabeled, size=size, flip=flip, classes=classes, limit=limit)


def build_celeba(
    size: int = 64,
    crop: int | None = None,
    flip: bool = False,
    attribute: str | None = None,
    limit: int | None = None,
) -> Dataset:
    """Faces; the largest centred square unless `crop` says how large, resized; `attribute` gives labels."""
    from ganbench.zoo.datasets.celeba import CelebA

    return CelebA(size=size, crop=crop, flip=flip, attribute=attribute, limit=limit)


def build_stacked_mnist(
    source: Literal["mnist", "kmnist", "fashion_mnist"] = "mnist", samples: int = 128_000, seed: int = 0
) -> Dataset:
    """Three pictures of `source` in three channels: 1,000 classes; `samples` in train, a fifth in test."""
    from ganbench.zoo.datasets.stacked_mnist import StackedMnist

    return StackedMnist(source=source, samples=samples, seed=seed)


def build_image_folder(
    path: str,
    size: int | None = None,
    crop: int | None = None,
    flip: bool = False,
    labels: bool = False,
    test_every: int = 10,
    limit: int | None = None,
) -> Dataset:
    """The pictures in a folder; one in `test_every` is kept back, unless there are folders train and test."""
    from ganbench.zoo.datasets.image_folder import ImageFolder

    return ImageFolder(
        path=path, size=size, crop=crop, flip=flip, labels=labels, test_every=test_every, limit=limit
    )


def build_gaussian_ring(
    modes: int = 8, radius: float = 1.0, std: float = 0.01, samples: int = 100_000, seed: int = 0
) -> Dataset:
    """Gaussians evenly spaced on a circle; `samples` in each split, drawn from `seed`."""
    from ganbench.zoo.datasets.gaussian_ring import GaussianRing

    return GaussianRing(modes=modes, radius=radius, std=std, samples=samples, seed=seed)


def build_gaussian_grid(
    side: int = 5, spacing: float = 2.0, std: float = 0.05, samples: int = 100_000, seed: int = 0
) -> Dataset:
    """`side` times `side` Gaussians about the origin; `samples` in each split, drawn from `seed`."""
    from ganbench.zoo.datasets.gaussian_grid import GaussianGrid

    return GaussianGrid(side=side, spacing=spacing, std=std, samples=samples, seed=seed)


def build_gaussian_1d(
    means: tuple[float, ...] = (-1.5, 1.5),
    stds: tuple[float, ...] = (0.5,),
    weights: tuple[float, ...] | None = None,
    samples: int = 100_000,
    seed: int = 0,
) -> Dataset:
    """Gaussians on a line; one of `stds` holds for all; without `weights` all are equally likely."""
    from ganbench.zoo.datasets.gaussian_1d import Gaussian1d

    return Gaussian1d(means=means, stds=stds, weights=weights, samples=samples, seed=seed)


def build_point_mass(d: int = 1, location: float = 0.0, samples: int = 1000) -> Dataset:
    """`samples` points in one place of `d` dimensions, every coordinate of which is `location`."""
    from ganbench.zoo.datasets.point_mass import PointMass

    return PointMass(d=d, location=location, samples=samples)


def build_parallel_lines(
    offset: float = 1.0, length: float = 2.0, samples: int = 100_000, seed: int = 0
) -> Dataset:
    """Uniform on the segment from (offset, -length/2) to (offset, length/2); drawn from `seed`."""
    from ganbench.zoo.datasets.parallel_lines import ParallelLines

    return ParallelLines(offset=offset, length=length, samples=samples, seed=seed)


def build_swiss_roll(
    noise: float = 0.25, scale: float = 7.5, samples: int = 100_000, seed: int = 0
) -> Dataset:
    """scikit-learn's spiral in the plane with `noise` about it, divided by `scale`; drawn from `seed`."""
    from ganbench.zoo.datasets.swiss_roll import SwissRoll

    return SwissRoll(noise=noise, scale=scale, samples=samples, seed=seed)


@hookimpl
def ganbench_datasets() -> Iterable[DatasetSpec]:
    """The data sets that come with ganbench."""
    yield DatasetSpec(
        name="digits",
        build=build_digits,
        summary="Handwritten digits, 8x8 grey, 10 classes; 1,442 train and 355 test images; scikit-learn's.",
        reference="Alpaydin and Kaynak, 1998 (UCI, optical recognition of handwritten digits)",
        details=option_details,
    )
    yield DatasetSpec(
        name="mnist",
        build=partial(build_mnist_like, "mnist"),
        summary="Handwritten digits, 28x28 grey, 10 classes; 60,000 train and 10,000 test images.",
        reference="LeCun, Bottou, Bengio and Haffner, 1998",
        details=LAYOUTS["mnist"].details,
    )
    yield DatasetSpec(
        name="kmnist",
        build=partial(build_mnist_like, "kmnist"),
        summary="Cursive Japanese characters, 28x28 grey, 10 classes; 60,000 train and 10,000 test images.",
        reference="Clanuwat et al., 2018, arXiv:1812.01718",
        details=LAYOUTS["kmnist"].details,
    )
    yield DatasetSpec(
        name="fashion_mnist",
        build=build_fashion_mnist,
        summary="Clothes, 28x28 grey, 10 classes; 60,000 train and 10,000 test images.",
        reference="Xiao, Rasul and Vollgraf, 2017, arXiv:1708.07747",
        details=LAYOUTS["fashion_mnist"].details,
    )
    yield DatasetSpec(
        name="cifar10",
        build=partial(build_cifar, "cifar10"),
        summary="Photographs, 32x32 RGB, 10 classes; 50,000 train and 10,000 test images.",
        reference="Krizhevsky, 2009",
        details=LAYOUTS["cifar10"].details,
    )
    yield DatasetSpec(
        name="cifar100",
        build=partial(build_cifar, "cifar100"),
        summary="Photographs, 32x32 RGB, 100 classes; 50,000 train and 10,000 test images.",
        reference="Krizhevsky, 2009",
        details=LAYOUTS["cifar100"].details,
    )
    yield DatasetSpec(
        name="svhn",
        build=build_svhn,
        summary="House numbers, 32x32 RGB, 10 classes; 73,257 train and 26,032 test images.",
        reference="Netzer et al., 2011",
        details=LAYOUTS["svhn"].details,
    )
    yield DatasetSpec(
        name="stl10",
        build=build_stl10,
        summary="Photographs, 96x96 RGB: 5,000 train and 8,000 test images of 10 classes, 100,000 without.",
        reference="Coates, Lee and Ng, 2011",
        details=LAYOUTS["stl10"].details,
    )
    yield DatasetSpec(
        name="celeba",
        build=build_celeba,
        summary="Aligned faces, cut to a square; 162,770 train and 19,962 test images; labels by attribute.",
        reference="Liu, Luo, Wang and Tang, 2015",
        details=LAYOUTS["celeba"].details,
    )
    yield DatasetSpec(
        name="stacked_mnist",
        build=build_stacked_mnist,
        summary="Three digits in three channels, 28x28: 1,000 modes, for seeing mode collapse.",
        reference="Metz et al., 2017; Lin, Khetan, Fanti and Oh, 2018 (PacGAN), section 4.2",
    )
    yield DatasetSpec(
        name="image_folder",
        build=build_image_folder,
        summary="A folder of your own pictures (png, jpg, webp, bmp), cut and resized once, memory-mapped.",
        details=folder_details,
    )
    yield DatasetSpec(
        name="gaussian_ring",
        build=build_gaussian_ring,
        summary="A ring of 2-D Gaussians, for seeing mode collapse; PacGAN's numbers by default.",
        reference="Lin, Khetan, Fanti and Oh, 2018 (PacGAN), section 4.1",
    )
    yield DatasetSpec(
        name="gaussian_grid",
        build=build_gaussian_grid,
        summary="A square grid of 2-D Gaussians, for seeing mode collapse; PacGAN's 25 by default.",
        reference="Lin, Khetan, Fanti and Oh, 2018 (PacGAN), section 4.1",
    )
    yield DatasetSpec(
        name="gaussian_1d",
        build=build_gaussian_1d,
        summary="A mixture of Gaussians on a line, for holding D against p/(p + p_g).",
        reference="Goodfellow et al., 2014, proposition 1 and figure 1",
    )
    yield DatasetSpec(
        name="point_mass",
        build=build_point_mass,
        summary="All points in one place: the data of the Dirac-GAN.",
        reference="Mescheder, Geiger and Nowozin, 2018, section 2",
    )
    yield DatasetSpec(
        name="parallel_lines",
        build=build_parallel_lines,
        summary="A segment in the plane: JSD is log 2 from any parallel one, Wasserstein the offset.",
        reference="Arjovsky, Chintala and Bottou, 2017, example 1; Fedus et al., 2018",
    )
    yield DatasetSpec(
        name="swiss_roll",
        build=build_swiss_roll,
        summary="A blurred spiral in the plane, with the numbers of WGAN-GP's toy.",
        reference="Gulrajani et al., 2017 (gan_toy.py); scikit-learn's make_swiss_roll",
    )
