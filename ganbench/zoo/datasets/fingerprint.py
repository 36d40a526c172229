"""The fingerprint of a data set: a digest of its content."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import torch

from ganbench.api.players import Samples


def fingerprint_of(splits: Iterable[Samples]) -> str:
    """Compute SHA-256 over the types, shapes and bytes of samples and labels, split by split.

    Args:
        splits: in a fixed order, train before test.

    Returns:
        64 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for split in splits:
        for tensor in (split.x, split.labels, split.condition):
            digest.update(heading(tensor if tensor is None else (tensor.dtype, tuple(tensor.shape))))
            if tensor is not None:
                digest.update(tensor.contiguous().numpy().data)
    return digest.hexdigest()


def heading(content: tuple[torch.dtype, tuple[int, ...]] | None) -> bytes:
    """Write what precedes a tensor's bytes in the digest, or stands for a tensor that is not there.

    Args:
        content: its type and shape.
    """
    return b"none;" if content is None else f"{content[0]} {content[1]};".encode()
