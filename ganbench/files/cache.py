"""A disk cache of tensors that are expensive to compute; a key holds everything that decides them.

Below GANBENCH_CACHE, or the user's cache folder. An entry is named by a digest of its whole key, never by a
name alone, and is checked when it is read: one that is damaged, or of another key, is as good as absent.
Where there is no such folder, as without a home, nothing is kept: all is made again each time.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganbench.errors import StoreError
from ganbench.files.atomic import make_folder
from ganbench.files.canonical import canonical_json, sha256_of
from ganbench.files.tensors import read_state, write_state

if TYPE_CHECKING:
    from torch import Tensor

VARIABLE = "GANBENCH_CACHE"


def cache_folder() -> Path | None:
    """Find GANBENCH_CACHE, or ganbench's folder in the user's cache; None where the user has no home."""
    import platformdirs

    named = os.environ.get(VARIABLE)
    try:
        folder = Path(named).expanduser() if named else platformdirs.user_cache_path("ganbench").expanduser()
    except RuntimeError:  # no HOME, and no entry for this user
        return None
    return None if folder.parts[:1] == ("~",) else folder


def cache_problem() -> str:
    """Say why nothing can be kept; empty where it can."""
    folder = cache_folder()
    if folder is None:
        return f"there is no cache folder, since this user has no home; {VARIABLE} names one"
    # Nothing is made here: a command that needs no cache leaves none behind.
    there = next(
        str(path) for path in (folder.absolute(), *folder.absolute().parents) if os.path.exists(path)
    )
    if not os.path.isdir(there):
        return f"the cache folder is {folder}, and {there} is not a folder; {VARIABLE} names another"
    if not os.access(there, os.W_OK | os.X_OK):
        return f"the cache folder is {folder}, and {there} cannot be written; {VARIABLE} names another"
    return ""


class Cache:
    """A part of ganbench's disk cache: tensors that take long to compute, by what decides them."""

    def __init__(self, kind: str) -> None:
        """Name a part of the cache; nothing is opened yet.

        Args:
            kind: a folder's name, as `references`.
        """
        self._kind = kind

    def path(self, key: Mapping[str, Any]) -> Path | None:
        """Find where the entry of a key is, or would be; None where nothing is kept."""
        folder = cache_folder()
        return None if folder is None else folder / self._kind / f"{sha256_of(key)}.safetensors"

    def get(self, key: Mapping[str, Any]) -> dict[str, Tensor] | None:
        """Read the tensors kept under a key; None where there are none, or the entry is damaged.

        Args:
            key: JSON values; everything that decides the tensors' bits.
        """
        path = self.path(key)
        if path is None:
            return None
        try:
            tensors, record = read_state(path)
            return tensors if canonical_json(record) == canonical_json(key) else None
        except (StoreError, ValueError, RecursionError):
            # What another program wrote there may hold what no key has: NaN, or lists without end.
            return None

    def put(self, key: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
        """Keep tensors under a key; where the disk refuses, they are made again the next time."""
        path = self.path(key)
        if path is None:
            return
        with contextlib.suppress(StoreError):
            make_folder(path.parent)
            write_state(path, tensors, key)
