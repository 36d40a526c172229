"""Arrays that processes share: kept below the cache folder, and mapped by each process.

A mapped array takes its memory once per machine, however many workers train on it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from shutil import rmtree
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganbench.errors import StoreError
from ganbench.files.atomic import TEMPORARY_SUFFIX, make_folder, write_folder
from ganbench.files.cache import cache_folder
from ganbench.files.canonical import canonical_json, sha256_of
from ganbench.files.file_locks import waiting_lock
from ganbench.files.tensors import read_state, write_state

MIN_KEPT_BYTES = 2**20
"""Smaller arrays stay in the memory of each process: a file would cost more than it saves."""
_CARD = "card.safetensors"
# To be raised where arrays come out otherwise than before: older ones are then made anew.
_FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class KeptArrays:
    """Arrays, and what is known of them.

    Attributes:
        arrays: by name; read-only where they are mapped.
        facts: JSON values.
    """

    arrays: Mapping[str, NDArray[Any]]
    facts: Mapping[str, Any] = field(default_factory=dict)


def keep_arrays(
    kind: str, *, key: Mapping[str, Any], stamp: str, make: Callable[[], KeptArrays]
) -> KeptArrays:
    """Map the arrays that are kept under a key; make and keep them first where there are none.

    They stay in memory where they are small, or where nothing can be kept.

    Args:
        kind: the folder in the cache, as `points`.
        key: what the arrays are made of, JSON values: it names their place.
        stamp: changes when the sources do; arrays with another one are made anew.
        make: makes them; what it raises is passed on.
    """
    cache = cache_folder()
    if cache is None:
        return make()
    place = cache / kind / sha256_of(key)
    # As the card gives it back: lists in place of tuples.
    plain = json.loads(canonical_json(key))
    record = {"format": _FORMAT, "key": plain, "stamp": stamp, "numpy": np.__version__}
    if (found := _opened(place, record)) is not None:
        return found
    made = make()
    if sum(array.nbytes for array in made.arrays.values()) < MIN_KEPT_BYTES:
        return made
    try:
        make_folder(place.parent)
        with waiting_lock(place.with_suffix(".lock")):
            # Another process may have been faster.
            if (found := _opened(place, record)) is None:
                _replace(place, record, made)
                found = _opened(place, record)
    except (OSError, StoreError):  # no right to write there, no room, or no locks
        return made
    return found or made


def _opened(place: Path, record: Mapping[str, Any]) -> KeptArrays | None:
    """Map the arrays; None where there are none, or others, or where a file changed."""
    try:
        _, card = read_state(place / _CARD)
        if any(card.get(name) != value for name, value in record.items()):
            return None
        arrays = {}
        for name, written in card["written"].items():
            status = (place / f"{name}.npy").stat()
            if [status.st_size, status.st_mtime_ns] != written:
                return None
            # Shared and read-only: a private mapping counts as memory, and may be refused.
            arrays[name] = np.load(place / f"{name}.npy", mmap_mode="r", allow_pickle=False)
        return KeptArrays(arrays=arrays, facts=card["facts"])
    except (StoreError, OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _replace(place: Path, record: Mapping[str, Any], made: KeptArrays) -> None:
    """Write the arrays, as the only process that does, in place of what was there."""
    for old in (place, *place.parent.glob(f".{place.name}.*{TEMPORARY_SUFFIX}")):
        if old.exists():
            rmtree(old)

    def fill(folder: Path) -> None:
        written = {}
        for name, array in made.arrays.items():
            path = folder / f"{name}.npy"
            with path.open("xb") as file:
                np.save(file, array, allow_pickle=False)
                file.flush()
                os.fsync(file.fileno())
            status = path.stat()
            written[name] = [status.st_size, status.st_mtime_ns]
        write_state(folder / _CARD, {}, {**record, "facts": dict(made.facts), "written": written})

    write_folder(place, fill)
