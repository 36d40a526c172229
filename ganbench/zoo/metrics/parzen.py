"""The Parzen window estimate of the log-likelihood of test images, and what shows how far to trust it."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import torch
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]
from torch import Tensor

from ganbench.api.data import Dataset, Features, Needs
from ganbench.api.players import Samples
from ganbench.catalog.switches import set_variables
from ganbench.files.cache import Cache
from ganbench.grid.environment import device_model
from ganbench.zoo.metrics.coordinates import subset

_SIGMAS = torch.logspace(-1, 0, 10, dtype=torch.float64)
MAX_VALIDATION_IMAGES = 1000
MAX_TEST_IMAGES = 10_000
# As many training images as MNIST has beside its validation images; but no more than 1 GiB in float32.
MAX_TRAINING_IMAGES = 50_000
MAX_TRAINING_PIXELS = 2**28
# On Fashion-MNIST ten give 3 nats more than three, of some 430.
_KMEANS_ROUNDS = 5
# Images of either side of which the distances are computed at once.
IMAGES_AT_ONCE = 1000
_MIN_IMAGES = 12
# To be raised where the arithmetic behind an entry changes: older entries are then never read.
_FORMAT = 1


class Parzen:
    """Goodfellow et al. (2014): a Gaussian about each generated image; the density of test images under them.

    Pixels are scaled to [0, 1]; the Gaussians' common sigma is the one of ten from 0.1 to 1 (logspace) under
    which validation images are likeliest. Validation images: 1,000 of the train split, or a sixth of it where
    that is less, at random, always the same. Test images: 10,000 of the test split, or all of it.

    The measure is known to be misleading (Theis et al., 2016): beside it stands what it makes of training
    images, which are perfect samples, and of k-means centres, which are no likely images and yet come out
    better. Both are computed once for a data set and number, and kept below GANBENCH_CACHE.
    """

    needs: Needs = "samples"
    minimum = 1

    def check(self, dataset: Dataset) -> None:
        """Raise ValueError where the data are no images, or too few to set some apart."""
        if dataset.signature.kind != "image":
            raise ValueError("it takes images, and the data are points")
        if (images := len(dataset.load("train"))) < _MIN_IMAGES:
            raise ValueError(f"it needs at least {_MIN_IMAGES} training images, and the data have {images}")
        # Its absence must be known before training too. Of one image the standard error is 0.
        if len(dataset.load("test")) < 2:
            raise ValueError("it needs at least 2 test images, and the data have 1")

    def __call__(
        self, generated: Samples | Features, reference: Samples | Features, dataset: Dataset
    ) -> Mapping[str, float]:
        """Compute the mean log-likelihood of the test images, whichever split is the reference.

        Returns:
            `parzen`: in nats, of the density over [0, 1]^d; higher is better, by this measure.
            `parzen_se`: its standard error over the test images, std / sqrt(N).
            `parzen_data`: of as many training images, those for validation left out; of all of them where
                there are fewer, of which 50,000 are known at most (and fewer of images so large that these
                would take a gigabyte).
            `parzen_kmeans`: of as many centres of those training images.
        """
        if not isinstance(generated, Samples):
            raise TypeError("parzen takes samples")
        _require_images(generated.x)
        images = ImagesByRole(dataset)
        mean, error = likelihood(generated.x.flatten(1), images.validation, images.test)
        return {"parzen": mean, "parzen_se": error, **_baselines(dataset, images, len(generated))}


class ImagesByRole:
    """The images of a data set by their role; each role uint8 (N, d).

    Attributes:
        training_count: how many training images there are beside those for validation.
        validation: decide sigma.
        test: are measured.
    """

    def __init__(
        self,
        dataset: Dataset,
        *,
        max_validation: int = MAX_VALIDATION_IMAGES,
        max_test: int = MAX_TEST_IMAGES,
        max_training: int = MAX_TRAINING_IMAGES,
        max_training_pixels: int = MAX_TRAINING_PIXELS,
    ) -> None:
        """Divide the images of a data set, with at most so many of each role."""
        self._x = dataset.load("train").x
        rows = subset(torch.arange(len(self._x)), len(self._x))
        held_out = min(max_validation, len(rows) // 6)
        self.validation = self._x[rows[:held_out]].flatten(1)
        most = min(max_training, max(1, max_training_pixels // self.validation.shape[1]))
        self._training_rows = rows[held_out:][:most]
        self.training_count = len(self._training_rows)
        self.test = subset(dataset.load("test").x, max_test).flatten(1)

    @property
    def training(self) -> Tensor:
        """The training images that are not held out."""
        return self._x[self._training_rows].flatten(1)


def likelihood(
    window: Tensor, validation: Tensor, test: Tensor, *, images_at_once: int = IMAGES_AT_ONCE
) -> tuple[float, float]:
    """Mean log-likelihood of test images under a Parzen window, and its standard error.

    Args:
        window: (M, d), values from 0 to 255.
        validation: (V, d), likewise; decides sigma.
        test: (N, d), likewise.
        images_at_once: images of either side of which the distances are computed together; bounds the memory.
    """
    # One BLAS thread: the bits must not depend on how many the machine has.
    with threadpool_limits(limits=1, user_api="blas"):
        best = int(_log_densities(window, validation, _SIGMAS, images_at_once).mean(dim=1).argmax())
        found = _log_densities(window, test, _SIGMAS[best : best + 1], images_at_once)[0]
    return float(found.mean()), float(found.std(correction=0)) / math.sqrt(len(found))


def _log_densities(window: Tensor, images: Tensor, sigmas: Tensor, images_at_once: int) -> Tensor:
    """Log p(x) for each sigma and image: float64 (sigmas, images)."""
    width = window.shape[1]
    normalisers = width * (sigmas * math.sqrt(2 * math.pi)).log() + math.log(len(window))
    found = []
    for block in torch.split(images, images_at_once):
        parts = torch.split(window, images_at_once)
        squared = torch.cat([_squared_distances(block, part) for part in parts], dim=1)
        exponents = (torch.logsumexp(squared / (-2 * sigma**2), dim=1) for sigma in sigmas)
        found.append(torch.stack(list(exponents)) - normalisers[:, None])
    return torch.cat(found, dim=1)


def _squared_distances(first: Tensor, second: Tensor) -> Tensor:
    """Compute |x - y|^2 of images (M, d) and (N, d) once they are scaled to [0, 1], float64 (M, N)."""
    # Of whole pixel values every term is exact in float64; of centres, the loss is far below a nat.
    x, y = first.double(), second.double()
    squared = x.square().sum(dim=1)[:, None] + y.square().sum(dim=1) - 2 * (x @ y.T)
    return squared.clamp_(min=0) / 255**2


def _baselines(dataset: Dataset, images: ImagesByRole, wanted: int) -> Mapping[str, float]:
    """Measure as many training images and as many k-means centres; read from the cache where known."""
    count = min(wanted, images.training_count)
    key: dict[str, Any] = {
        "format": _FORMAT,
        "dataset": dataset.fingerprint,
        "count": count,
        # A cache must change no score, and these decide its last bits.
        "device": device_model("cpu"),
        "threads": torch.get_num_threads(),
        "versions": {name: version(name) for name in ("numpy", "scikit-learn", "torch")},
    }
    if variables := set_variables():
        key["variables"] = variables
    cache = Cache("parzen")
    found = cache.get(key)
    if found is None:
        training = images.training
        windows = {"parzen_data": training[:count], "parzen_kmeans": _centres(training, count)}
        found = {
            name: torch.tensor(likelihood(window, images.validation, images.test)[0], dtype=torch.float64)
            for name, window in windows.items()
        }
        cache.put(key, found)
    return {name: float(found[name]) for name in ("parzen_data", "parzen_kmeans")}


def _centres(images: Tensor, count: int) -> Tensor:
    """Compute k-means centres of images (N, d), float32 (count, d): ten rounds of Lloyd's algorithm."""
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    means = KMeans(count, init="random", n_init=1, max_iter=_KMEANS_ROUNDS, random_state=0)
    with threadpool_limits(limits=1), warnings.catch_warnings():
        # Some images may be there twice: then two centres may be one.
        warnings.simplefilter("ignore", ConvergenceWarning)
        means.fit(images.float().numpy())
    return torch.from_numpy(means.cluster_centers_)


def _require_images(x: Tensor) -> None:
    if x.dtype != torch.uint8 or x.ndim != 4:
        raise ValueError(
            f"parzen takes images, uint8 (N, C, H, W), given {x.dtype} of shape {tuple(x.shape)}"
        )
