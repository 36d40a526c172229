"""Arrays in files that are mapped into memory, of which few pages stay with the process.

Pages of a mapping count as memory of the process from when they are read until the system takes them back,
which it does only where memory runs short. Here a thread lets go of them before: they stay in the system's
own cache of files, from where they come back in microseconds.
"""

from __future__ import annotations

import mmap
import threading
import time
import weakref
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

# Of all mappings together; above that, their pages are let go.
MAX_RESIDENT_BYTES = 2**27
_EVERY_SECONDS = 0.005
# Where the system does not tell how many bytes are resident.
_EVERY_SECONDS_UNTOLD = 0.2
_STATM = Path("/proc/self/statm")
_SHARED_FIELD = 2


def map_array(path: Path, dtype: DTypeLike, shape: tuple[int, ...]) -> NDArray[Any]:
    """Map a file that holds an array and nothing else.

    Args:
        path: the file, not empty; it can be deleted while it is mapped.
        dtype: of a value.
        shape: of the array, in C order.

    Returns:
        The array; what is written to it goes to the file.

    Raises:
        OSError: the file cannot be mapped.
    """
    with open(path, "r+b") as file:
        mapping = mmap.mmap(file.fileno(), 0)
    _RELEASER.add(mapping)
    return np.frombuffer(mapping, dtype, int(np.prod(shape))).reshape(shape)


def let_go_of(array: NDArray[Any]) -> None:
    """Let go of the pages of an array that numpy has mapped; do nothing for one in memory."""
    base: Any = array
    while base is not None and not isinstance(base, mmap.mmap):
        base = getattr(base, "base", None)
    if base is not None:
        _RELEASER.add(base)


class _Releaser:
    """Lets go of the pages of all mappings that are in use, again and again, by a thread of its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._mappings: weakref.WeakSet[mmap.mmap] = weakref.WeakSet()
        self._running = False

    def add(self, mapping: mmap.mmap) -> None:
        if not hasattr(mmap, "MADV_DONTNEED"):
            return
        with self._lock:
            self._mappings.add(mapping)
            if not self._running:
                self._running = True
                # Read here: once the thread begins, first pages may be there, which would count as needed.
                least = _resident_bytes()
                threading.Thread(target=self._run, args=(least,), daemon=True, name="mapped pages").start()

    def _run(self, least: int | None) -> None:
        while self._in_use():
            time.sleep(_EVERY_SECONDS_UNTOLD if least is None else _EVERY_SECONDS)
            now = _resident_bytes()
            if least is None or now is None or now - least > MAX_RESIDENT_BYTES:
                self._release()
                # Libraries that were loaded meanwhile stay.
                least = _resident_bytes()

    def _in_use(self) -> bool:
        with self._lock:
            self._running = bool(self._mappings)
            return self._running

    def _release(self) -> None:
        with self._lock:
            mappings = list(self._mappings)
        # These references end with the call: a mapping lasts as long as its array.
        for mapping in mappings:
            # Of a shared mapping nothing is lost: what was written is the file's.
            mapping.madvise(mmap.MADV_DONTNEED)


_RELEASER = _Releaser()


def _resident_bytes() -> int | None:
    """Read how many bytes of files are in the process's memory; None where the system does not tell."""
    try:
        return int(_STATM.read_text().split()[_SHARED_FIELD]) * mmap.PAGESIZE
    except (OSError, ValueError, IndexError):
        return None
