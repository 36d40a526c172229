"""Another comparison of the same results: by another axis or baseline, or of some of the cells."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from ganbench.analysis.comparison import compare
from ganbench.analysis.context import Compared, axes_of, label
from ganbench.analysis.final_scores import final_scores
from ganbench.analysis.records import FAILURES
from ganbench.analysis.tables import current_rows
from ganbench.errors import GanbenchError, did_you_mean


def recompare(
    path: Path,
    cells: pd.DataFrame,
    scores: pd.DataFrame,
    asked: Compared,
    *,
    axis: str | None = None,
    baseline: str | None = None,
    where: Sequence[str] = (),
    metrics: Sequence[str] = (),
) -> pd.DataFrame:
    """Compare the finished cells of a results folder along an axis of one's choice; nothing is trained.

    Args:
        path: the folder, for messages.
        cells: its table of cells.
        scores: its table of scores.
        asked: what the grid asks to compare, which is what is not given here.
        axis: a column of cells.csv: dataset, architecture, loss, penalty, augmentation, or a varied setting.
        baseline: a value of it as cells.csv has it, or a name alone where only one value has it; the
            first value unless given.
        where: `AXIS=VALUE`, which cells to take; of one axis any of its values, of several axes all.
        metrics: scores to compare; all that have a direction unless given.

    Returns:
        A frame as `compare` makes it; its family of tests is what was asked.

    Raises:
        GanbenchError: there is no such axis, value, metric or cell, or nothing to compare.
    """
    cells = cells[cells["seed"].notna()]
    axes = list(axes_of(cells))
    if axis is None:
        axis, baseline = asked.axis, asked.baseline if baseline is None else baseline
    if axis not in axes:
        raise GanbenchError(f"--axis: no axis {axis!r} in {path}{did_you_mean(axis, axes)}")
    if len(_values(cells, axis)) < 2:
        more = ", ".join(name for name in axes if len(_values(cells, name)) > 1)
        raise GanbenchError(
            f"--axis {axis}: {path} has one value of it only, {_values(cells, axis)[0]!r}; "
            f"axes with more: {more or 'none'}"
        )
    reference = None if baseline is None else _value("--baseline", baseline, axis, _values(cells, axis))
    cells = _chosen(cells, axis, where, str(path))
    if not cells["status"].isin(("ok", *FAILURES)).any():
        raise GanbenchError(f"{path}: none of the {len(cells)} cells asked for is finished")
    labels = _values(cells, axis)
    if reference is not None and reference not in labels:
        raise GanbenchError(
            f"--baseline {reference}: no cell has it under {_said(where)}{did_you_mean(reference, labels)}"
        )
    if len(labels) < 2:
        raise GanbenchError(f"--axis {axis}: under {_said(where)} there is one value only, {labels[0]!r}")
    scores = current_rows(scores)
    scores = scores[scores["cell"].isin(cells["cell"])]
    scores = _measured(scores, metrics, str(path))
    return compare(cells, scores, Compared(axis, reference), final_scores(cells, scores))


def _chosen(cells: pd.DataFrame, axis: str, where: Sequence[str], path: str) -> pd.DataFrame:
    """Select the cells that every axis named in `where` allows."""
    allowed: dict[str, set[str]] = {}
    axes = [name for name in axes_of(cells) if name != axis]
    for condition in where:
        name, equals, value = condition.partition("=")
        if not equals:
            raise GanbenchError(f"--where {condition}: must be AXIS=VALUE, as {axes[0]}=NAME")
        if name == axis:
            raise GanbenchError(f"--where {condition}: {axis} is the axis that is compared")
        if name not in axes:
            raise GanbenchError(f"--where {condition}: no axis {name!r} in {path}{did_you_mean(name, axes)}")
        found = _value(f"--where {name}", value, name, _values(cells, name))
        allowed.setdefault(name, set()).add(found)
    for name, labels in allowed.items():
        cells = cells[cells[name].map(label).isin(labels)]
    if cells.empty:
        raise GanbenchError(f"{_said(where)}: no cell of {path} is all of that")
    return cells


def _measured(scores: pd.DataFrame, metrics: Sequence[str], path: str) -> pd.DataFrame:
    """Select the scores of the chosen metrics."""
    directed = sorted(set(scores.loc[scores["direction"] != "", "metric"]))
    if not directed:
        raise GanbenchError(f"{path}: no cell that was asked for has a score that can be compared")
    if not metrics:
        return scores
    for metric in metrics:
        if metric not in directed:
            why = "has neither better nor worse" if metric in set(scores["metric"]) else "is not there"
            raise GanbenchError(f"--metric {metric}: {why} in {path}{did_you_mean(metric, directed)}")
    return scores[scores["metric"].isin(metrics)]


def _values(cells: pd.DataFrame, axis: str) -> list[str]:
    return list(dict.fromkeys(label(value) for value in cells[axis].tolist()))


def _value(option: str, given: str, axis: str, labels: Sequence[str]) -> str:
    """Find the label that a user means: itself, a number written otherwise, or the only one of that name."""
    if given in labels:
        return given
    try:
        rewritten = label(json.loads(given))
    except ValueError:
        rewritten = given
    if rewritten in labels:
        return rewritten
    named = [name for name in labels if name.partition("[")[0] == given]
    if len(named) == 1:
        return named[0]
    if named:
        raise GanbenchError(f"{option}: {given!r} is any of {', '.join(named)}; give one of them whole")
    raise GanbenchError(f"{option}: {axis} is never {given!r} here{did_you_mean(given, labels)}")


def _said(where: Sequence[str]) -> str:
    return " ".join(f"--where {condition}" for condition in where)
