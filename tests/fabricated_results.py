"""A results folder without a run: written file by file in the published layout."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

GRID = """name = "planted"
seeds = 3

[axes]
dataset = ["digits"]
architecture = ["mlp"]
loss = ["minimax", "non_saturating"]
penalty = ["none"]

[compare]
axis = "loss"
baseline = "minimax"
"""

SCORE_COLUMNS = ("step", "metric", "value", "direction", "extractor", "samples", "protocol", "repeat")


class Folder:
    """A fabricated results folder; cells appear in the order in which they are added."""

    def __init__(self, path: Path, grid: str = GRID) -> None:
        self.path = path
        self.ids: list[str] = []
        path.mkdir(parents=True)
        (path / "grid.toml").write_text(grid)

    def add(
        self,
        *,
        loss: str = "minimax",
        seed: int = 0,
        scores: Mapping[str, Any] | list[dict[str, Any]] | None = None,
        curves: bool = True,
        picture: bool = True,
        **record: Any,
    ) -> str:
        """One cell; `scores` maps a metric to its final value, or is a list of rows that lack defaults."""
        axes = {
            "dataset": record.pop("dataset", "digits"),
            "architecture": record.pop("architecture", "mlp"),
            "loss": loss,
            "penalty": record.pop("penalty", "none"),
        }
        varied = record.pop("varied", {})
        identity = json.dumps([axes, varied, seed], sort_keys=True)
        cell = "c" + hashlib.sha256(identity.encode()).hexdigest()[:11]
        self.ids.append(cell)
        folder = self.path / "cells" / cell
        folder.mkdir(parents=True)
        environment = {
            "hash": record.pop("environment", "e1"),
            "versions": {"ganbench": "0.1.0", "torch": "2.9.0", "torch-fidelity": "0.4.0"},
            "plugins": record.pop("plugins", {}),
        }
        content = {
            "format": 1,
            "cell": cell,
            "axes": axes,
            "varied": varied,
            "seed": seed,
            "status": "ok",
            "reason": "",
            "warnings": [],
            "step": 100,
            "seconds": 1.5,
            "device": "Test CPU",
            "engine": "eager",
            "environment": environment,
            "weights": "ab" * 32,
        } | record
        (folder / "cell.json").write_text(json.dumps(content))
        if isinstance(scores, Mapping):
            scores = [{"metric": metric, "value": value} for metric, value in scores.items()]
        if scores is not None:
            default = {
                "step": content["step"],
                "extractor": "digits_cnn",
                "samples": 500,
                "protocol": "p1",
                "repeat": 0,
            }
            with open(folder / "scores.csv", "w", newline="") as stream:
                # Folders older than notes have no such column.
                later = ("note",) if any("note" in row for row in scores) else ()
                writer = csv.DictWriter(stream, (*SCORE_COLUMNS, *later))
                writer.writeheader()
                for row in scores:
                    direction = "higher" if row["metric"] == "is" else "lower"
                    writer.writerow({**default, "direction": direction, **row})
        if curves:
            self.curves(cell, seed, content["step"])
        if picture:
            pixels = np.random.default_rng(seed).integers(0, 255, (40, 40), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / "samples.png")
        return cell

    def curves(self, cell: str, seed: int, last: int) -> None:
        steps = np.arange(0, last + 1, 10)
        noise = np.random.default_rng(seed).normal(size=(6, len(steps)))
        table = {
            "step": steps,
            "loss_d": 1.3 + 0.1 * noise[0],
            "loss_g": 0.8 + 0.1 * noise[1],
            "d_real": 0.6 + 0.05 * noise[2],
            "d_fake": 0.4 + 0.05 * noise[3],
            "grad_norm_d": np.exp(noise[4]),
            "grad_norm_g": np.exp(noise[5] - 2),
            "jsd": np.full(len(steps), math.nan) if seed % 2 else 0.3 + 0.01 * noise[0],
        }
        pd.DataFrame(table).to_parquet(self.path / "cells" / cell / "curves.parquet")

    def index(self) -> None:
        """Write the cells.csv that fixes their order."""
        (self.path / "cells.csv").write_text("cell\n" + "\n".join(self.ids) + "\n")

    def file(self, cell: str, name: str) -> Path:
        return self.path / "cells" / cell / name


def plant(folder: Folder) -> Folder:
    """Two losses × three seeds, non_saturating better by 2, 3 and 4; scores at two steps, two metrics."""
    for loss, finals in (("minimax", (10.0, 12.0, 14.0)), ("non_saturating", (8.0, 9.0, 10.0))):
        for seed, fid in enumerate(finals):
            rows = [
                {"metric": "fid", "value": 10 * fid, "step": 0},
                {"metric": "fid", "value": fid},
                {"metric": "is", "value": 5.0 + seed},
            ]
            folder.add(loss=loss, seed=seed, scores=rows)
    folder.index()
    return folder


def crowd(folder: Folder, datasets: int = 5) -> None:
    """Five hundred cells of 5 losses, three scores and five pictures each; data sets share 100 seeds."""
    noise = io.BytesIO()
    Image.effect_noise((300, 300), 60).save(noise, format="png")
    for dataset in range(datasets):
        for loss in ("minimax", "non_saturating", "wasserstein", "hinge", "least_squares"):
            for seed in range(100 // datasets):
                rows = [
                    {"metric": metric, "value": 1.0 + seed + 100 / step, "step": step}
                    for metric in ("fid", "is", "kid")
                    for step in (500, 1000, 1500, 2000)
                ]
                cell = folder.add(dataset=f"data_{dataset}", loss=loss, seed=seed, scores=rows, step=2000)
                for step in (0, 500, 1000, 1500, 2000):
                    folder.file(cell, f"samples-{step:09}.png").write_bytes(noise.getvalue())
