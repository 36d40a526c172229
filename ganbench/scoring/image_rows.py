"""Images that are read when they are wanted, and samples made of them."""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import Protocol

import torch
from torch import Tensor

from ganbench.api.players import Samples

_HASHED = 2**24


class ImageRows(Protocol):
    """Images of one shape, which need not be in memory."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of each image, (C, H, W), C 1 or 3."""

    @property
    def digest(self) -> str:
        """Of the pixels, as `content_digest` gives it of all of them."""

    @property
    def extremes(self) -> tuple[int, int]:
        """The smallest and the largest value of all pixels."""

    def __len__(self) -> int: ...

    def rows(self, start: int, stop: int) -> Tensor:
        """Read images, uint8 (n, C, H, W); several threads may do so at once."""


class StreamedSamples(Samples):
    """Samples whose images are read when they are wanted: `x` reads all, and keeps them."""

    def __init__(self, images: ImageRows, labels: Tensor | None = None) -> None:
        """Bind the images.

        Args:
            images: at least one.
            labels: int64 (N,), or None.
        """
        # Not Samples' own __init__, which would ask for all images.
        for name, value in (("images", images), ("labels", labels), ("condition", None), ("index", None)):
            object.__setattr__(self, name, value)

    images: ImageRows

    @cached_property
    def x(self) -> Tensor:
        """uint8 (N, C, H, W)."""
        return self.images.rows(0, len(self))

    def __len__(self) -> int:
        return len(self.images)


def images_of(samples: Samples) -> Tensor | ImageRows:
    """Give the images of samples without reading those that are not in memory."""
    return samples.images if isinstance(samples, StreamedSamples) else samples.x


def first_images(samples: Samples, count: int) -> Tensor:
    """Give the first images of samples, at most `count`, uint8 (n, C, H, W)."""
    if isinstance(samples, StreamedSamples):
        return samples.images.rows(0, min(count, len(samples)))
    return samples.x[:count]


def images_at(samples: Samples, rows: Tensor) -> Tensor:
    """Give those of the samples that stand at some places, reading no others."""
    if isinstance(samples, StreamedSamples):
        return torch.cat([samples.images.rows(row, row + 1) for row in rows.tolist()])
    return samples.x[rows]


def shape_of(samples: Samples) -> tuple[int, ...]:
    """Give the shape of one sample."""
    return samples.images.shape if isinstance(samples, StreamedSamples) else tuple(samples.x.shape[1:])


def digest_of(samples: Samples) -> str:
    """Compute the SHA-256 of the samples themselves, however they are stored."""
    return samples.images.digest if isinstance(samples, StreamedSamples) else content_digest(samples.x)


def content_digest(x: Tensor) -> str:
    """Compute the SHA-256 of a tensor's type, shape and content."""
    digest = begin_digest(x.dtype, tuple(x.shape))
    content = x.contiguous().reshape(-1).view(torch.uint8).numpy()
    for at in range(0, len(content), _HASHED):
        digest.update(content[at : at + _HASHED].data)
    return digest.hexdigest()


def begin_digest(dtype: torch.dtype, shape: tuple[int, ...]) -> hashlib._Hash:
    """Begin the digest that `content_digest` gives, for content that follows in parts."""
    return hashlib.sha256(f"samples {dtype} {shape};".encode())
