"""A grid of two cells that train in a moment and are scored twice."""

from __future__ import annotations

from typing import Any

GRID: dict[str, Any] = {
    "name": "tiny",
    "seeds": 2,
    "axes": {
        "dataset": ["gaussian_ring"],
        "architecture": [{"name": "mlp", "generator_widths": [8], "discriminator_widths": [8], "noise": 4}],
        "loss": ["non_saturating"],
    },
    "train": {"steps": 20, "batch_size": 16},
    "score": {"metrics": ["wasserstein"], "samples": 64, "every": 10},
}
