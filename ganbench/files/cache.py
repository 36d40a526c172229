"""Tensors that are expensive to make and can always be made again, kept on disk by what decides them.

Below GANBENCH_CACHE, or the user's cache folder. An entry is named by a digest of its whole key, never by a
name alone, and is checked when it is read: one that is damaged, or of another key, is as good as absent.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganbench.errors import StoreError
from ganbench.files.atomic import make_folder
from ganbench.files.tensors import read_state, write_state

if TYPE_CHECKING:
    from torch import Tensor

VARIABLE = "GANBENCH_CACHE"


def cache_folder() -> Path:
    """GANBENCH_CACHE, or ganbench's folder in the user's cache."""
    import platformdirs

    named = os.environ.get(VARIABLE)
    return Path(named).expanduser() if named else platformdirs.user_cache_path("ganbench")


class Cache:
    """One kind of entries."""

    def __init__(self, kind: str) -> None:
        """Opens nothing yet.

        Args:
            kind: a folder's name, as `references`.
        """
        self._kind = kind

    def path(self, key: Mapping[str, Any]) -> Path:
        """Where the entry of a key is, or would be."""
        digest = hashlib.sha256(_canonical(key).encode()).hexdigest()
        return cache_folder() / self._kind / f"{digest}.safetensors"

    def get(self, key: Mapping[str, Any]) -> dict[str, Tensor] | None:
        """The tensors kept under a key; None where there are none, or what is there is damaged.

        Args:
            key: JSON values; everything that decides the tensors' bits.
        """
        try:
            tensors, record = read_state(self.path(key))
        except StoreError:
            return None
        return tensors if _canonical(record) == _canonical(key) else None

    def put(self, key: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
        """Keep tensors under a key; where the disk refuses, they are made again the next time."""
        path = self.path(key)
        with contextlib.suppress(StoreError):
            make_folder(path.parent)
            write_state(path, tensors, key)


def _canonical(key: Mapping[str, Any]) -> str:
    return json.dumps(key, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
