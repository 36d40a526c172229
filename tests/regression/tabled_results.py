"""A results folder that holds only what a check reads: grid.toml, cells.csv, scores.csv."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

GRID = """name = "planted"
seeds = 8

[axes]
dataset = ["digits"]
architecture = ["mlp"]
loss = ["minimax", "non_saturating"]

[train]
steps = 100

[score]
metrics = ["fid", "is"]
extractor = "digits_cnn"
"""
AXES = ("dataset", "architecture", "loss", "penalty")
CELL = {
    "dataset": "digits",
    "architecture": "mlp",
    "loss": "minimax",
    "penalty": "none",
    "seed": 0,
    "status": "ok",
    "reason": "",
    "warnings": "",
    "step": 100,
    "device": "Test CPU",
    "engine": "eager",
    "environment": "e1",
    "weights": "",
    "ganbench": "0.1.0",
    "torch": "2.9.0",
    "torch-fidelity": "0.4.0",
    "plugins": "",
}
SCORE = {
    "step": 100,
    "extractor": "digits_cnn",
    "samples": 500,
    "protocol": "p1",
    "direction": "lower",
    "repeat": 0,
    "note": "",
}


class Tables:
    """A fabricated folder; `write` lays it down."""

    def __init__(self, path: Path, grid: str = GRID) -> None:
        self.path = path
        self.grid = grid
        self.cells: list[dict[str, Any]] = []
        self.scores: list[dict[str, Any]] = []

    def add(
        self, values: Sequence[float] | None, metric: str = "fid", first: int = 0, **given: Any
    ) -> Tables:
        """Cells of one context with a final score each, one a seed; None for cells without a score."""
        row = {name: given.pop(name) for name in list(given) if name in (*CELL, "provenance") or "." in name}
        score = {**SCORE, "direction": "higher" if metric == "is" else "lower", **given}
        for index, value in enumerate([None] if values is None else values):
            cell = {**CELL, **row, "seed": row.get("seed", first + index)}
            identity = [cell[name] for name in cell if name in AXES or "." in name]
            cell["cell"] = "c" + _digest([*identity, cell["seed"]])[:11]
            if not any(other["cell"] == cell["cell"] for other in self.cells):
                # As real ones: weights that differ wherever scores do.
                cell["weights"] = row.get("weights", _digest([identity, cell["seed"], value]))
                self.cells.append(cell)
            if value is not None:
                self.scores.append(
                    {**score, "cell": cell["cell"], "metric": metric, "value": repr(float(value))}
                )
        return self

    def write(self) -> Path:
        """Write the three files."""
        self.path.mkdir(parents=True, exist_ok=True)
        (self.path / "grid.toml").write_text(self.grid)
        _table(self.path / "cells.csv", self.cells)
        _table(self.path / "scores.csv", self.scores or [{**SCORE, "cell": "", "metric": "", "value": ""}])
        if not self.scores:
            text = (self.path / "scores.csv").read_text()
            (self.path / "scores.csv").write_text(text.partition("\n")[0] + "\n")
        return self.path


def _table(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    with open(path, "w", newline="") as stream:
        writer = csv.DictWriter(stream, list(dict.fromkeys(name for row in rows for name in row)))
        writer.writeheader()
        writer.writerows(rows)


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, default=str).encode()).hexdigest()
