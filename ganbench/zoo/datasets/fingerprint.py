"""The fingerprint of a data set: a digest of its content."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from ganbench.api.players import Samples


def fingerprint_of(splits: Iterable[Samples]) -> str:
    """SHA-256 over the types, shapes and bytes of samples and labels, split by split.

    Args:
        splits: in a fixed order, train before test.

    Returns:
        64 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for split in splits:
        for tensor in (split.x, split.labels, split.condition):
            if tensor is None:
                digest.update(b"none;")
                continue
            digest.update(f"{tensor.dtype} {tuple(tensor.shape)};".encode())
            digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()
