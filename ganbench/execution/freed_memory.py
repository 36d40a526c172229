"""Memory that a worker process has freed stays with it, for the next round of training to use."""

from __future__ import annotations

import ctypes

# Of glibc's <malloc.h>.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
# Of the buffers of a round: convolutions of small nets use some ten megabytes for each.
_KEPT_BYTES = 2**28
# Older versions of glibc take no more for a block.
_LEAST_BYTES = 2**25


def keep_freed_memory() -> None:
    """Let the allocator keep up to 256 MiB of freed memory in this process; without glibc, do nothing.

    A round frees its buffers at its end. Left alone, glibc gives the large ones back to the system, which
    clears each page anew when the next round asks for it: of a DCGAN in two processes, a fifth of the time.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)
    if not mallopt(_MMAP_THRESHOLD, _KEPT_BYTES):
        mallopt(_MMAP_THRESHOLD, _LEAST_BYTES)
