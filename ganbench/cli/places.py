"""Where data sets and weights are, as the options --data, --weights and --weights-sha256 say."""

from __future__ import annotations

import os
from pathlib import Path


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
