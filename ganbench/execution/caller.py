"""The process of a script that runs a grid: what packages set in it when they are imported is put back."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def kept_process() -> Iterator[None]:
    """Put back the environment and the warning filters when this ends.

    scikit-learn and sympy change them when they are imported, which a run does only when it needs them.
    torch's switches and the random states are kept where they are used.
    """
    environment = dict(os.environ)
    with warnings.catch_warnings():
        try:
            yield
        finally:
            for name in os.environ.keys() - environment.keys():
                del os.environ[name]
            os.environ.update(environment)
