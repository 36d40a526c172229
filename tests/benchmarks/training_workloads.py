"""What the benchmarks of training train: points and images of random pixels, with nets of the catalog."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from ganbench.catalog import load_catalog
from ganbench.execution.resources import resources_here, worker_count
from ganbench.grid import read_grid
from ganbench.runner import CellParts, SharedParts

IMAGES = 8192


@dataclass(frozen=True, kw_only=True)
class Workload:
    """A pair of networks and the data that it is trained on.

    Attributes:
        name: in tables.
        architecture: of the catalog.
        batch: samples per batch.
        image: shape of an image; None for points of `gaussian_ring`.
        seeds: cells of a grid; None for one per core.
        metrics: that score it where scoring is measured.
        formats: of memory, as `train.memory_format` has them, in which it is trained.
        options: of the architecture.
    """

    name: str
    architecture: str
    batch: int
    image: tuple[int, int, int] | None = None
    seeds: int | None = None
    metrics: tuple[str, ...] = ("fid",)
    formats: tuple[str, ...] = ("contiguous",)
    options: Mapping[str, Any] = field(default_factory=dict)

    def grid(
        self,
        folder: Path,
        seeds: int,
        train: Mapping[str, Any],
        score: Mapping[str, Any],
        penalty: str = "none",
    ) -> Any:
        """Give a grid as a mapping.

        Args:
            folder: for the images, which are made once.
            seeds: number of cells.
            train: settings beside the batch.
            score: settings; no metrics unless they name some.
            penalty: of the discriminator's loss.
        """
        return {
            "name": self.name,
            "seeds": seeds,
            "axes": {
                "dataset": [self._dataset(folder)],
                "architecture": [{"name": self.architecture, **self.options}],
                "loss": ["non_saturating"],
                "penalty": [penalty],
            },
            "train": {"batch_size": self.batch, **train},
            "score": {"metrics": [], **score},
        }

    def parts(
        self,
        folder: Path,
        device: str = "cpu",
        score: Mapping[str, Any] = MappingProxyType({}),
        penalty: str = "none",
        **train: Any,
    ) -> CellParts:
        """Give the parts of the cell of seed 0, with nothing built."""
        catalog = load_catalog()
        (cell,) = read_grid(self.grid(folder, 1, train, score, penalty), catalog).cells
        return CellParts(cell, SharedParts(catalog), device)

    def _dataset(self, folder: Path) -> Any:
        if self.image is None:
            return "gaussian_ring"
        path = folder / f"{'x'.join(map(str, self.image))}.npy"
        if not path.exists():
            random = np.random.default_rng(0)
            np.save(path, random.integers(0, 256, (IMAGES, *self.image), dtype=np.uint8))
        return {"name": "arrays", "path": str(path)}


def cores() -> int:
    """Count the workers that a run of ganbench starts here."""
    return worker_count(resources_here()).count


POINTS = ("modes", "high_quality", "reverse_kl")
WORKLOADS = {
    each.name: each
    for each in (
        Workload(name="ring-256", architecture="mlp", batch=256, metrics=POINTS),
        Workload(name="ring-64", architecture="mlp", batch=64, seeds=10, metrics=POINTS),
        Workload(
            name="ring-64-narrow",
            architecture="mlp",
            batch=64,
            seeds=10,
            metrics=POINTS,
            options={"generator_widths": [64, 64], "discriminator_widths": [64, 64]},
        ),
        Workload(name="mlp-28", architecture="mlp", batch=64, image=(1, 28, 28)),
        Workload(
            name="dcgan-28",
            architecture="dcgan",
            batch=64,
            image=(1, 28, 28),
            formats=("contiguous", "channels_last"),
        ),
    )
}
ON_GPU = {
    each.name: each
    for each in (
        WORKLOADS["mlp-28"],
        Workload(name="dcgan-32", architecture="dcgan", batch=64, image=(3, 32, 32)),
        Workload(name="resnet-32", architecture="resnet32", batch=64, image=(3, 32, 32)),
    )
}
