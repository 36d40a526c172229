"""Results folders of one grid, as shards are, joined into one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from ganbench.analysis.context import metric_label
from ganbench.catalog import Catalog, PluginSource, load_catalog
from ganbench.errors import GridError, StoreError
from ganbench.execution.cell_states import (
    CellState,
    ScoreRows,
    best_state,
    differences_between,
    joined_scores,
    read_state,
)
from ganbench.grid import Cell, Grid
from ganbench.grid.history import History
from ganbench.report import Results, write_page, write_tables
from ganbench.store import Store
from ganbench.store.cell_copy import copy_cell, copy_references
from ganbench.store.lock import hold_to_read
from ganbench.store.stored_grid import read_whole_grid

_MAX_PROBLEMS = 10


@dataclass(frozen=True, kw_only=True)
class _MergedCell:
    """A cell of the joined folder.

    Attributes:
        cell: which.
        state: the one that is taken.
        scores: those of every folder, where it is finished.
    """

    cell: Cell
    state: CellState
    scores: ScoreRows


def merge(
    folders: Sequence[str | Path],
    out: str | Path,
    *,
    keep_stale: bool = False,
    plugins: Sequence[PluginSource] = (),
    note: Callable[[str], None] = lambda text: None,
) -> Results:
    """Join results folders of one grid, as shards are, into one.

    Of several states of a cell the finished one is taken, of unfinished ones the further checkpoint. What is
    in `out` already is one of the folders: the same call, with more or with finished shards, goes on. Cells
    of which no folder has anything stay unfinished, and `ganbench run OUT/grid.toml --out OUT` runs them. The
    result depends neither on the order of the folders nor on the order of several merges.

    Args:
        folders: made by `ganbench run` or `merge`; nothing is changed in them.
        out: a new folder, an empty one, or one that was merged before.
        keep_stale: whether folders are joined whose cells were trained in different environments; reports
            then say that environments are mixed.
        plugins: files and modules without a package that the grid needs.
        note: told what the user should know, a line each.

    Returns:
        The tables of `out`, where they and the page are made anew.

    Raises:
        GridError: the folders differ in their grids, in the results of a cell, or in environments or
            protocols; nothing is written.
        StoreError: one of them holds no results, is in use, or `out` holds something else.
    """
    if isinstance(folders, str | os.PathLike) or not folders:
        raise GridError(f"merge: needs a list of results folders, given {folders!r}")
    target = Store(out)
    sources = [_source(store) for store in _distinct(folders, target)]
    target.require_own()
    target.require_collected()
    if target.shard() is not None:
        raise StoreError(f"{target.path}: holds {_part(target)}; give another folder with --out")
    if target.has_only_tables():
        raise StoreError(f"{target.path}: holds tables of cells without the cells; give another folder")
    catalog = load_catalog(plugins=plugins)
    grid = _common_grid([*sources, *([target] if target.exists() else [])], catalog)
    with ExitStack() as held:
        for store in sources:
            held.enter_context(hold_to_read(store.path))
        is_new = not target.path.exists()
        if not is_new:
            held.enter_context(target.lock())
        merged = _merged(grid, [*sources, target], note)
        _refuse_mixtures(merged, keep_stale)
        if is_new:
            # Only now: what is refused leaves no folder behind.
            held.enter_context(target.lock())
        return _written(grid, merged, sources, target, catalog)


def _distinct(folders: Iterable[str | Path], target: Store) -> list[Store]:
    """Open each folder once; the target is read anyway."""
    found = {store.path.resolve(): store for store in map(Store, folders)}
    others = {path: store for path, store in found.items() if path != target.path.resolve()}
    return list((others or found).values())


def _source(store: Store) -> Store:
    store.require().require_collected()
    if store.has_only_tables():
        raise StoreError(f"{store.path}: holds tables of cells without the cells, which alone can be merged")
    return store


def _part(store: Store) -> str:
    shard = store.shard()
    return f"{shard.words} of its grid" if shard else "a whole grid"


def _common_grid(stores: Sequence[Store], catalog: Catalog) -> Grid:
    """Read the grid that all folders hold.

    Raises:
        GridError: one of them holds another.
    """
    first, *others = stores
    grid = read_whole_grid(first, catalog)
    text = first.grid_text()
    for store in others:
        if store.grid_text() == text:
            continue
        # Files of two versions of ganbench may spell one grid out differently.
        other = read_whole_grid(store, catalog)
        if other.to_toml() != grid.to_toml():
            at, one, two = next(_differences(grid.document, other.document))
            raise GridError(
                f"{store.path}: holds another grid than {first.path}: {at} is {two}, and {one} there"
            )
    return grid


def _differences(one: Any, two: Any, at: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield where two documents differ, with both values as texts."""
    if isinstance(one, Mapping) and isinstance(two, Mapping):
        for key in dict.fromkeys((*one, *two)):
            missing = {"missing": True}
            yield from _differences(
                one.get(key, missing), two.get(key, missing), f"{at}.{key}" if at else str(key)
            )
    elif one != two:
        texts = ("missing" if value == {"missing": True} else f"{value!r}"[:60] for value in (one, two))
        yield (at, *texts)  # type: ignore[misc]


def _merged(grid: Grid, stores: Sequence[Store], note: Callable[[str], None]) -> list[_MergedCell]:
    """Choose the state of every cell of which any folder has something.

    Raises:
        GridError: finished states of a cell differ.
    """
    found: list[_MergedCell] = []
    problems: list[str] = []
    for cell in grid.cells:
        states: list[CellState] = []
        for store in stores:
            try:
                state = read_state(store, cell.id)
            except StoreError as error:
                note(f"left out: {error}")
                continue
            if state is not None:
                states.append(state)
        if not states:
            continue
        best = best_state(states)
        finished = [state for state in states if state.finished]
        for state in finished:
            if state is not best and (differing := differences_between(best, state)):
                name = ", ".join((*cell.axes.values(), f"seed {cell.seed}"))
                problems.append(
                    f"{cell.id} ({name}): two results, in {best.store.path} (there) and {state.store.path} "
                    f"(here): {'; '.join(differing)}"
                )
        found.append(_MergedCell(cell=cell, state=best, scores=joined_scores(finished)))
    _refuse(problems)
    return found


def _refuse(problems: Sequence[str]) -> None:
    if problems:
        more = len(problems) - _MAX_PROBLEMS
        raise GridError(*problems[:_MAX_PROBLEMS], *([f"and {more} more"] if more > 0 else []))


def _refuse_mixtures(merged: Sequence[_MergedCell], keep_stale: bool) -> None:
    """Refuse folders whose finished cells cannot be compared with one another.

    Cells of one folder are what its run made of them, whether or not they are alike.

    Raises:
        GridError: cells of two folders were trained in environments, or scored by protocols, that differ.
    """
    environments: dict[str, tuple[History, dict[Path, None]]] = {}
    protocols: dict[tuple[Any, ...], dict[str, Path]] = {}
    problems: dict[str, None] = {}
    for each in merged:
        if not each.state.finished:
            continue
        path = each.state.store.path
        history = _history(each.state)
        if history is not None:
            key = repr(history.as_list())
            environments.setdefault(key, (history, {}))[1].setdefault(path)
        for (step, metric, extractor, protocol, _), row in each.scores.items():
            if row["current"] and step == each.cell.train.steps:
                known = protocols.setdefault((each.cell.dataset, each.cell.score, metric, extractor), {})
                known.setdefault(protocol, path)
    for (dataset, _, metric, extractor), known in protocols.items():
        if len(known) > 1:
            said = " and ".join(f"by {protocol} in {path}" for protocol, path in known.items())
            problems[f"{metric_label(metric, extractor)} on {dataset.label} was measured {said}"] = None
    if not keep_stale:
        for (one, mine), (two, yours) in combinations(environments.values(), 2):
            pairs = [(a, b) for a in mine for b in yours if a != b]
            # Engines differ within a run too: what one cell can be run on is nothing for another.
            changes = [change for change in one.conflicts(two) if not change.startswith("engine ")]
            if pairs and changes:
                a, b = pairs[0]
                said = f"{a} and {b}: cells of different environments: {'; '.join(changes)}"
                problems[f"{said}; --keep-stale joins them, and reports say that they are mixed"] = None
    _refuse(list(problems))


def _history(state: CellState) -> History | None:
    try:
        return History.from_record(state.record)
    except (ValueError, KeyError, TypeError):
        return None


def _written(
    grid: Grid, merged: Sequence[_MergedCell], sources: Sequence[Store], target: Store, catalog: Catalog
) -> Results:
    """Write the joined folder: cells, then the grid, then tables and page.

    Killed at any moment, it leaves a folder that the same merge goes on with.
    """
    folders = [store.grid_folder() for store in (*sources, target)]
    known = sorted((not os.path.isdir(folder), folder) for folder in folders if folder)
    target.make(known[0][1] if known else "")
    target.sweep()
    for each in merged:
        cell, state = each.cell.id, each.state
        if state.store is not target:
            copy_cell(cell, state.store, target, finished=state.has_ended)
        if state.finished and each.scores != state.scores:
            target.write_scores(cell, each.scores.values())
    copy_references(sources, target)
    target.write_grid(grid.to_toml())
    ids = [cell.id for cell in grid.cells]
    results = write_tables(target, ids, catalog=lambda: catalog)
    write_page(target, results)
    return results
