"""Another comparison of the same results: by another axis or baseline, or of some of the cells."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from ganbench.analysis.comparison import compare
from ganbench.analysis.context import Compared, arm_of, axes_of, contexts, label, uncompared
from ganbench.analysis.final_scores import final_scores
from ganbench.analysis.ranking import rank
from ganbench.analysis.records import FAILURES
from ganbench.analysis.tables import current_rows
from ganbench.errors import GanbenchError, did_you_mean
from ganbench.grid.grid import PAIRS, combined_label

# Commas between labels, not those between the options of one: `mlp[pack=2,units=64],r1`.
_OUTSIDE_BRACKETS = re.compile(r",(?![^\[]*\])")


class Recomparison(NamedTuple):
    """Another answer from the same results.

    Attributes:
        comparison: as `compare` makes it.
        ranking: as `rank` makes it; empty for fewer than three values.
    """

    comparison: pd.DataFrame
    ranking: pd.DataFrame


def recompare(
    path: Path,
    cells: pd.DataFrame,
    scores: pd.DataFrame,
    asked: Compared,
    *,
    axis: str | None = None,
    baseline: str | None = None,
    pairs: str | None = None,
    where: Sequence[str] = (),
    metrics: Sequence[str] = (),
) -> Recomparison:
    """Compare the finished cells of a results folder along an axis of one's choice; nothing is trained.

    Args:
        path: the folder, for messages.
        cells: its table of cells.
        scores: its table of scores.
        asked: what the grid asks to compare, which is what is not given here.
        axis: a column of cells.csv: dataset, architecture, loss, penalty, augmentation, or a varied setting;
            or several with commas between them, which are compared as one.
        baseline: a value of it as cells.csv has it, or a name alone where only one value has it; of several
            axes one of each, with commas between them; the first value unless given.
        pairs: `baseline` or `all`: each value with the baseline, or each with each.
        where: `AXIS=VALUE`, which cells to take; of one axis any of its values, of several axes all.
        metrics: scores to compare; all that have a direction unless given.

    Returns:
        Frames as `compare` and `rank` make them; their families of tests are what was asked.

    Raises:
        GanbenchError: there is no such axis, value, metric or cell, or nothing to compare.
    """
    cells = cells[cells["seed"].notna()]
    axes = list(axes_of(cells))
    if axis is None:
        axis, baseline = asked.axis, asked.baseline if baseline is None else baseline
    pairs = asked.pairs if pairs is None else pairs
    if pairs not in PAIRS:
        raise GanbenchError(f"--pairs: must be {' or '.join(PAIRS)}, given {pairs!r}")
    names = [name.strip() for name in axis.split(",")]
    for name in names:
        if name not in axes:
            raise GanbenchError(f"--axis: no axis {name!r} in {path}{did_you_mean(name, axes)}")
        if names.count(name) > 1:
            raise GanbenchError(f"--axis {axis}: names {name} more than once")
    if len(_values(cells, names)) < 2:
        more = ", ".join(name for name in axes if len(_values(cells, [name])) > 1)
        raise GanbenchError(
            f"--axis {axis}: {path} has one value of it only, {_values(cells, names)[0]!r}; "
            f"axes with more: {more or 'none'}"
        )
    reference = None if baseline is None else _baseline(baseline, names, cells)
    cells = _chosen(cells, names, where, str(path))
    if not cells["status"].isin(("ok", *FAILURES)).any():
        raise GanbenchError(f"{path}: none of the {len(cells)} cells asked for is finished")
    labels = _values(cells, names)
    if reference is not None and reference not in labels:
        raise GanbenchError(
            f"--baseline {reference}: no cell has it under {_said(where)}{did_you_mean(reference, labels)}"
        )
    if len(labels) < 2:
        raise GanbenchError(f"--axis {axis}: under {_said(where)} there is one value only, {labels[0]!r}")
    scores = current_rows(scores)
    scores = scores[scores["cell"].isin(cells["cell"])]
    scores = _measured(scores, metrics, str(path))
    what = Compared(",".join(names), reference, pairs)
    finals = final_scores(cells, scores)
    comparison = compare(cells, scores, what, finals)
    if comparison.empty:
        alone = uncompared((context.groups for context in contexts(cells, what.axis)), what)
        raise GanbenchError(f"--axis {axis}: {alone[0] if alone else 'nothing to compare'}")
    return Recomparison(comparison, rank(cells, scores, what, finals, comparison))


def _baseline(given: str, names: Sequence[str], cells: pd.DataFrame) -> str:
    """Find the label that a user means, of one axis or of a combination."""
    labels = _values(cells, names)
    parts = [part.strip() for part in _OUTSIDE_BRACKETS.split(given)]
    if len(names) == 1 or given in labels:
        return _value("--baseline", given, ", ".join(names), labels)
    if len(parts) != len(names):
        first = next(iter(cells[list(names)].to_dict("records")))
        example = ",".join(label(first[name]) for name in names)
        raise GanbenchError(
            f"--baseline {given}: must have a value of each of {', '.join(names)}, as {example}"
        )
    values = [
        _value("--baseline", part, name, _values(cells, [name]))
        for name, part in zip(names, parts, strict=True)
    ]
    found = combined_label(names, values)
    if found not in labels:
        raise GanbenchError(f"--baseline {given}: no cell has all of it{did_you_mean(found, labels)}")
    return found


def _chosen(cells: pd.DataFrame, compared: Sequence[str], where: Sequence[str], path: str) -> pd.DataFrame:
    """Select the cells that every axis named in `where` allows."""
    allowed: dict[str, set[str]] = {}
    axes = [name for name in axes_of(cells) if name not in compared]
    for condition in where:
        name, equals, value = condition.partition("=")
        if not equals:
            raise GanbenchError(f"--where {condition}: must be AXIS=VALUE, as {axes[0]}=NAME")
        if name in compared:
            raise GanbenchError(f"--where {condition}: {name} is the axis that is compared")
        if name not in axes:
            raise GanbenchError(f"--where {condition}: no axis {name!r} in {path}{did_you_mean(name, axes)}")
        found = _value(f"--where {name}", value, name, _values(cells, [name]))
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


def _values(cells: pd.DataFrame, names: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(arm_of(row, names) for row in cells[list(names)].to_dict("records")))


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
