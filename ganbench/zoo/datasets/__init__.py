"""The built-in data sets: specs only; each one's reading is in the module beside."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ganbench.api.hookspecs import hookimpl
from ganbench.api.specs import DatasetSpec

if TYPE_CHECKING:
    from ganbench.api.data import Dataset


def build_digits() -> Dataset:
    """1,797 handwritten digits, 8x8 grey, from scikit-learn; no download."""
    from ganbench.zoo.datasets.digits import Digits

    return Digits()


def build_fashion_mnist() -> Dataset:
    """70,000 pictures of clothes, 28x28 grey."""
    from ganbench.zoo.datasets.fashion_mnist import FashionMnist

    return FashionMnist()


def build_gaussian_ring(
    modes: int = 8, radius: float = 1.0, std: float = 0.01, samples: int = 100_000, seed: int = 0
) -> Dataset:
    """Gaussians evenly spaced on a circle; `samples` in each split, drawn from `seed`."""
    from ganbench.zoo.datasets.gaussian_ring import GaussianRing

    return GaussianRing(modes=modes, radius=radius, std=std, samples=samples, seed=seed)


@hookimpl
def ganbench_datasets() -> Iterable[DatasetSpec]:
    """The data sets that come with ganbench."""
    yield DatasetSpec(
        name="digits",
        build=build_digits,
        summary="Handwritten digits, 8x8 grey, 10 classes; 1,442 train and 355 test images; scikit-learn's.",
        reference="Alpaydin and Kaynak, 1998 (UCI, optical recognition of handwritten digits)",
    )
    yield DatasetSpec(
        name="fashion_mnist",
        build=build_fashion_mnist,
        summary="Clothes, 28x28 grey, 10 classes; 60,000 train and 10,000 test images.",
        reference="Xiao, Rasul and Vollgraf, 2017, arXiv:1708.07747",
    )
    yield DatasetSpec(
        name="gaussian_ring",
        build=build_gaussian_ring,
        summary="A ring of 2-D Gaussians, for seeing mode collapse; PacGAN's numbers by default.",
        reference="Lin, Khetan, Fanti and Oh, 2018 (PacGAN), section 4.1",
    )
