"""Linear algebra whose bits do not depend on how many processors a machine has."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import lru_cache

import numpy as np  # noqa: F401  # its BLAS must be there before the libraries are looked for
from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]


def one_blas_thread() -> AbstractContextManager[object]:
    """Make a context in which numpy's matrix products and decompositions take one thread."""
    context: AbstractContextManager[object] = _controller().limit(limits=1, user_api="blas")
    return context


@lru_cache(maxsize=1)
def _controller() -> ThreadpoolController:
    # Looking through the process's libraries takes longer than a Fréchet distance of 64 features.
    return ThreadpoolController()
