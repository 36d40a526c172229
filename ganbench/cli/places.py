"""Where data sets and weights are, as options say, and what is kept between commands."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ganbench.files.cache import cache_problem


def warn_of_cache() -> None:
    """Say on stderr, once, where nothing can be kept in the cache: all that it would hold is made again."""
    if problem := cache_problem():
        print(f"ganbench: warning: nothing is kept between commands: {problem}", file=sys.stderr)


def hand_down(data: Path | None, weights: Path | None, weights_sha256: str | None) -> None:
    """Put what data sets and extractors look for into the environment, which workers inherit.

    Args:
        data: where data sets are.
        weights: a file of Inception weights.
        weights_sha256: its digest.
    """
    variables = {
        "GANBENCH_DATA": data,
        "GANBENCH_INCEPTION_WEIGHTS": weights,
        "GANBENCH_INCEPTION_SHA256": weights_sha256,
    }
    for name, value in variables.items():
        if value is not None:
            os.environ[name] = str(value)
