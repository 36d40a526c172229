"""Where data sets and weights are found: variables of the environment, which options set for a while."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

DATA_VARIABLE = "GANBENCH_DATA"
WEIGHTS_VARIABLE = "GANBENCH_WEIGHTS"
INCEPTION_VARIABLE = "GANBENCH_INCEPTION_WEIGHTS"
INCEPTION_SHA256_VARIABLE = "GANBENCH_INCEPTION_SHA256"
_NAMES = (DATA_VARIABLE, WEIGHTS_VARIABLE, INCEPTION_VARIABLE, INCEPTION_SHA256_VARIABLE)


def data_paths() -> dict[str, str]:
    """Read the variables that say where data sets and weights are; what is not set is left out."""
    return {name: value for name in _NAMES if (value := os.environ.get(name))}


@contextmanager
def data_paths_set(paths: Mapping[str, object]) -> Iterator[None]:
    """Set such variables in this process for a while; what was set before comes back.

    Args:
        paths: by variable. One that is None stays as it is.
    """
    given = {name: str(path) for name, path in paths.items() if path is not None}
    before = {name: os.environ.get(name) for name in given}
    os.environ.update(given)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
