"""Curves and scores as event files of TensorBoard, one run a cell."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ganbench.analysis.context import Row, axes_of, metric_label
from ganbench.errors import GanbenchError, StoreError
from ganbench.files.atomic import write_folder
from ganbench.report.figure_files import file_stem
from ganbench.report.results import Results
from ganbench.store import Store

# TensorBoard shows this many points of a curve unless told otherwise.
_POINTS = 1000
# Beyond this a step is no longer exact, nor plausible.
_LAST = 2**53

Series = tuple[str, np.ndarray, np.ndarray]


def writer_class() -> Any:
    """The writer of event files.

    Raises:
        GanbenchError: the optional package `tensorboard` is not installed.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise GanbenchError(
            '--tensorboard: needs the package tensorboard; pip install "ganbench[tensorboard]"'
        ) from error
    return SummaryWriter


def write_events(results: Results, folder: Path) -> tuple[int, list[str]]:
    """Write the curves and scores of each cell as scalars over generator steps.

    A run is called by the cell's axes, seed and name. Curves are thinned to 1000 points; a score is the
    mean over its repeats, and its tag holds extractor and protocol, without which no two are comparable.

    Args:
        results: tables of a results folder.
        folder: where; made, and with everything in it or not at all.

    Returns:
        The number of runs, and what is missing of them, a line each.

    Raises:
        GanbenchError: `tensorboard` is not installed.
        StoreError: no cell has curves or scores, something is in `folder`, or it cannot be written.
    """
    writer = writer_class()
    store = Store(results.path)
    problems: list[str] = []
    runs: set[str] = set()
    scores = {str(cell): rows for cell, rows in results.scores.groupby("cell")}
    axes = axes_of(results.cells)

    def fill(place: Path) -> None:
        for row in results.cells[results.cells["seed"].notna()].to_dict("records"):
            series = [*_curves(store, row, problems), *_scores(scores.get(row["cell"]))]
            if not series:
                continue
            name = " ".join([*(str(row[axis]) for axis in axes), f"seed {row['seed']:.0f}"])
            with writer(place / f"{file_stem(name, runs)}-{row['cell']}") as events:
                for tag, steps, values in series:
                    for step, value in zip(steps.tolist(), values.tolist(), strict=True):
                        events.add_scalar(tag, value, int(step))
        if not runs:
            raise StoreError(f"{results.path}: nothing to write: no cell has curves or scores")

    write_folder(folder, fill)
    return len(runs), problems


def _curves(store: Store, row: Row, problems: list[str]) -> Iterator[Series]:
    """Each quantity of a cell that has a value at all; what is not finite is shown as such."""
    try:
        table = store.curves(row["cell"])
    except StoreError as error:
        problems.append(str(error).replace(f"{store.path}/", ""))
        return
    if table is None or "step" not in table.columns:
        return
    kept = table.iloc[np.unique(np.linspace(0, len(table) - 1, _POINTS).astype(int))]
    numbers = kept.apply(pd.to_numeric, errors="coerce").astype(float)
    numbers = numbers[numbers["step"].abs() < _LAST]
    for name in numbers.columns.drop("step"):
        if np.isfinite(numbers[name]).any():
            yield f"curves/{name}", numbers["step"].to_numpy(), numbers[name].to_numpy()


def _scores(rows: pd.DataFrame | None) -> Iterator[Series]:
    if rows is None:
        return
    for (metric, extractor, protocol), mine in rows.groupby(["metric", "extractor", "protocol"], sort=True):
        means = mine.groupby("step")["value"].mean()
        tag = f"scores/{metric_label(str(metric), str(extractor))}, protocol {protocol}"
        yield tag, means.index.to_numpy(dtype=float), means.to_numpy(dtype=float)
