"""The list of checks: every context × metric of the baseline, with the cells of both folders."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganbench.analysis.context import label, metric_label, telling, where
from ganbench.analysis.external_scores import is_external, read_external
from ganbench.analysis.final_scores import Finals, Measure, final_scores, group_of, ignoring_engines
from ganbench.analysis.group import Group
from ganbench.analysis.read_tables import Key, Row, Tables, read_tables
from ganbench.catalog import Catalog
from ganbench.errors import GridError, StoreError, did_you_mean
from ganbench.grid import read_grid
from ganbench.grid.tolerance import DEFAULT_TOLERANCE, Tolerance, read_tolerance
from ganbench.regression.bit_identity import Bits, compare_bits, final_values
from ganbench.store import CELLS, Store
from ganbench.store.stored_grid import with_missing_plugins

DEFAULT = read_tolerance(DEFAULT_TOLERANCE)

_NAMED = 3


@dataclass(frozen=True, kw_only=True)
class CheckRequest:
    """The caller's options beside the two folders; they go before the grid's.

    Attributes:
        metrics: the scores to check; unless given, those of the grid's [check], else all with a direction.
        tolerance: of each of them; unless given, the grid's [check], else DEFAULT.
        alpha: one-sided level.
    """

    metrics: tuple[str, ...] = ()
    tolerance: Tolerance | None = None
    alpha: float = 0.05


@dataclass(frozen=True, kw_only=True)
class ScoreCheck:
    """One score in one context.

    Attributes:
        where: the context, the value of each axis.
        words: the same in a few words.
        metric: the score's name.
        direction: which is better, `lower` or `higher`.
        measure: how it is measured; None where no cell of either folder has it.
        tolerance: the loss that is accepted.
        baseline: its scores by seed, and how its other cells failed.
        value: of what is checked; None where only a baseline is looked at.
        bits: how the context's cells compare with the baseline's bit by bit; likewise.
    """

    where: Mapping[str, str]
    words: str
    metric: str
    direction: str
    measure: Measure | None
    tolerance: Tolerance
    baseline: Group
    value: Group | None = None
    bits: Bits | None = None

    @property
    def score(self) -> str:
        """The score's name with what it is measured by."""
        return metric_label(self.metric, self.measure.extractor if self.measure else "")


def list_checks(
    baseline: Tables, value: Tables | None, request: CheckRequest, catalog: Callable[[], Catalog]
) -> list[ScoreCheck]:
    """List every context × metric to be checked, in the baseline's order.

    Args:
        baseline: the yardstick.
        value: what is checked; None to look at the baseline alone.
        request: which scores, and how much they may lose.
        catalog: gives the catalog that the grid is read with, where it has a [check].

    Raises:
        GanbenchError: the folders have different axes, a context or a score is missing from what is checked,
            scores were measured in other ways, or a requested score is not there.
    """
    mine = baseline.contexts()
    yours = mine if value is None else _matched(baseline, value, mine)
    finals = _finals(baseline)
    their_finals = finals if value is None else _finals(value)
    exact = final_values(baseline.cells, baseline.scores)
    their_exact = exact if value is None else final_values(value.cells, value.scores)
    thresholds = _Thresholds(value or baseline, request, catalog)
    directions = _directions(baseline, finals)
    names = [name for name in baseline.axes if name in telling(baseline.cells)]
    found: list[ScoreCheck] = []
    for key, rows in mine.items():
        if all(row["status"] == "skipped" for row in rows):
            continue
        context = dict(zip(baseline.axes, key, strict=True))
        words = where(context, names)
        scored = [
            metric for metric in directions if any(metric in finals.get(row["cell"], {}) for row in rows)
        ]
        # What another program did is not known bit by bit.
        bits = None if value is None or value.external else compare_bits(rows, yours[key], exact, their_exact)
        # Where every cell failed, what other contexts are scored by shows what is missing.
        for metric, tolerance in thresholds.of(key, scored or list(directions), bool(scored)):
            for measure in _measures(metric, rows, yours[key], finals, their_finals, words):
                group = _group(baseline, rows, metric, measure, finals, words)
                found.append(
                    ScoreCheck(
                        where=context,
                        words=words,
                        metric=metric,
                        direction=directions[metric],
                        measure=measure,
                        tolerance=tolerance,
                        baseline=group,
                        value=None
                        if value is None
                        else _group(value, yours[key], metric, measure, their_finals, words),
                        bits=bits,
                    )
                )
    if missing := [name for name in request.metrics if name not in {check.metric for check in found}]:
        raise GridError(
            f"--metric: {baseline.path} has no score {missing[0]!r}{did_you_mean(missing[0], directions)}"
        )
    if not found:
        raise StoreError(f"{baseline.path}: no cell has a final score that can be better or worse")
    return found


def read_finished(path: str | Path) -> Tables:
    """Read the tables of a results folder whose run has come to its end.

    Args:
        path: as `read_tables` takes it; or a folder of scores of samples that another program made.

    Raises:
        StoreError: `read_tables` refuses it, a cell is unfinished or has no seed, or it is a shard's.
    """
    tables = read_external(Path(path)) if is_external(Path(path)) else read_tables(path)
    if tables.part:
        raise StoreError(f"{tables.path}: {tables.part}")
    if unknown := tables.cells.loc[tables.cells["seed"].isna(), "cell"].tolist():
        raise StoreError(f"{tables.path / CELLS}: damaged: cell {unknown[0]} has no seed")
    if unfinished := int((tables.cells["status"] == "unfinished").sum()):
        raise StoreError(
            f"{tables.path}: {unfinished} of {len(tables.cells)} cells are unfinished; "
            "`ganbench run` goes on with them"
        )
    return tables


class _Thresholds:
    """Which scores of a context are checked, and how much they may lose."""

    def __init__(self, tables: Tables, request: CheckRequest, catalog: Callable[[], Catalog]) -> None:
        self._path = tables.path
        self._request = request
        self._grid = _grid_thresholds(tables, catalog)

    def of(self, key: Key, scored: Sequence[str], known: bool) -> Iterator[tuple[str, Tolerance]]:
        """Yield the scores to check in one context, each with its tolerance.

        Args:
            key: the context.
            scored: what the baseline has.
            known: whether it has that in this very context.
        """
        thresholds = self._grid.get(key, {})
        names = self._request.metrics or tuple(thresholds) or tuple(scored)
        for name in names:
            if name in scored:
                yield name, self._request.tolerance or thresholds.get(name, DEFAULT)
            elif known and name in thresholds and not self._request.metrics:
                raise StoreError(
                    f"{self._path}: [check] names {name}, of which the baseline has no final score in "
                    f"{', '.join(key)}; it has: {', '.join(scored)}"
                )


def _grid_thresholds(tables: Tables, catalog: Callable[[], Catalog]) -> dict[Key, Mapping[str, Tolerance]]:
    """Read the grid's [check] for each context; its plugins are needed only where it has one."""
    overrides = tables.grid.get("override", [])
    settings = [tables.grid, *(overrides if isinstance(overrides, list) else [])]
    if not any(isinstance(table, dict) and "check" in table for table in settings):
        return {}
    known = catalog()
    try:
        grid = read_grid(tables.grid, known)
    except GridError as error:
        raise with_missing_plugins(error, Store(tables.path), known) from None
    return {tables.context_of(cell): cell.check for cell in grid.cells}


def _matched(baseline: Tables, value: Tables, mine: Mapping[Key, Any]) -> dict[Key, tuple[Row, ...]]:
    """Find each context of the baseline in what is checked, or refuse it and name what is missing."""
    if baseline.axes != value.axes:
        one, other = set(baseline.axes), set(value.axes)
        only = [f"only {value.path} varies {name}" for name in sorted(other - one)]
        only += [f"only the baseline varies {name}" for name in sorted(one - other)]
        raise StoreError(
            f"{value.path}: is of another grid than the baseline {baseline.path}: {'; '.join(only)}"
        )
    yours = value.contexts()
    needed = [key for key, rows in mine.items() if any(row["status"] != "skipped" for row in rows)]
    if not any(key in yours for key in needed):
        raise StoreError(
            f"{value.path}: is of another grid than the baseline {baseline.path}: no context in common; "
            f"it has {_list(list(yours))}, the baseline {_list(needed)}"
        )
    if missing := [key for key in needed if key not in yours]:
        raise StoreError(f"{value.path}: lacks what the baseline {baseline.path} has: {_list(missing)}")
    for key in needed:
        if all(row["status"] == "skipped" for row in yours[key]):
            reason = yours[key][0]["reason"]
            raise StoreError(
                f"{value.path}: skipped what the baseline {baseline.path} has: {_list([key])}: {reason}"
            )
    return yours


def _finals(tables: Tables) -> dict[str, Finals]:
    return ignoring_engines(final_scores(tables.cells, tables.scores))


def _directions(tables: Tables, finals: Mapping[str, Finals]) -> dict[str, str]:
    """Find which way is better, for every score that has one and is final somewhere."""
    final = {metric for metrics in finals.values() for metric in metrics}
    named = zip(tables.scores["metric"], tables.scores["direction"], strict=True)
    return {
        metric: direction
        for metric, direction in sorted(set(named))
        if metric in final and direction in ("lower", "higher")
    }


def _measures(
    metric: str,
    base: Sequence[Row],
    rows: Sequence[Row],
    finals: Mapping[str, Finals],
    their_finals: Mapping[str, Finals],
    words: str,
) -> list[Measure | None]:
    """List the measures that both folders share; where they share none, refuse with one line that says so."""
    mine, yours = (
        dict.fromkeys(measure for row in group for measure in found.get(row["cell"], {}).get(metric, {}))
        for group, found in ((base, finals), (rows, their_finals))
    )
    if shared := [measure for measure in mine if measure in yours]:
        return list(shared)
    finished = any(row["status"] == "ok" for row in rows)
    if mine and yours:
        before, now = (next(iter(measures)).words for measures in (mine, yours))
        raise StoreError(
            f"{words}: {metric} is measured in another way than the baseline's: {before}; now {now}"
        )
    if mine and finished:
        raise StoreError(
            f"{words}: no cell has a final {metric}, which the baseline has; run the grid with that metric"
        )
    return list(mine or yours) or [None]


def _group(
    tables: Tables,
    rows: Sequence[Row],
    metric: str,
    measure: Measure | None,
    finals: Mapping[str, Finals],
    words: str,
) -> Group:
    group = group_of(str(tables.path), rows, metric, measure, finals)
    unscored = len(rows) - len(group.scores) - len(group.failures)
    if unscored and measure is not None:
        raise StoreError(
            f"{tables.path}: {words}: {unscored} of {group.ok} finished cells have no final {metric} "
            f"of protocol {measure.protocol}"
        )
    return group


def _list(keys: Sequence[Key]) -> str:
    """Write a few contexts in one line."""
    shown = "; ".join(" ".join(map(label, key)) for key in keys[:_NAMED])
    return f"{shown} and {len(keys) - _NAMED} more" if len(keys) > _NAMED else shown
