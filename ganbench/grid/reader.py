"""From a user's file to a Grid, or to all problems with it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ganbench.catalog.plugin_reader import GRID_NAME
from ganbench.errors import GridError, did_you_mean
from ganbench.grid.assignments import Assignment, read_assignments
from ganbench.grid.axes import (
    COMBINATION_KEYS,
    NAMED,
    Axis,
    Patterns,
    axis_key,
    flat_axes,
    overlap,
    read_axes,
)
from ganbench.grid.beside import plugin_beside
from ganbench.grid.combinations import (
    MAX_SAMPLED_FROM,
    Combinations,
    read_combinations,
    refuse_uneven,
)
from ganbench.grid.compare_section import COMPARE_KEYS, read_compare, with_cells
from ganbench.grid.document import document_of
from ganbench.grid.grid import Grid
from ganbench.grid.merged_settings import Layer, merge_layer
from ganbench.grid.named import MAX_CELLS
from ganbench.grid.overrides import Override, read_excludes, read_overrides
from ganbench.grid.problems import Problems, given
from ganbench.grid.product import product, refuse_unplayable
from ganbench.grid.schema import SECTIONS, Schema
from ganbench.grid.scoring import check_scoring
from ganbench.grid.settings import OPTIMIZER_KEYS
from ganbench.grid.source import cleaned, find, parse
from ganbench.grid.tolerance import refuse_unscored

if TYPE_CHECKING:
    from ganbench.catalog import Catalog

MAX_SEEDS = 10_000
MAX_SEED = 2**31 - 1
_KEYS = ("name", "seeds", *COMBINATION_KEYS, "axes", *SECTIONS, "override", "exclude", "compare")


def read_grid(
    source: str | os.PathLike[str] | Mapping[str, Any], catalog: Catalog, overrides: Sequence[str] = ()
) -> Grid:
    """Read the grid that a file, a bundled name or a mapping describes.

    Args:
        source: a path to a TOML file, the name of a bundled grid, or what such a file parses to.
        catalog: what names mean.
        overrides: changes as the command line's --set takes them, `train.steps=200`; they win over the file.

    Raises:
        GridError: everything that is wrong, one line each: file, key, what was given, what would be right.
    """
    folder = ""
    if isinstance(source, Mapping):
        parsed, problems = source, Problems("grid")
    else:
        path = find(source, catalog)
        folder = str(path.absolute().parent)
        parsed = parse(path)
        problems = Problems(str(path), lambda kind, name: plugin_beside(path, kind, name, catalog))
    document = cleaned(parsed, problems)
    assignments = read_assignments(overrides, problems, catalog)
    problems.came_from(
        {
            axis_key(axis) if (axis := each.key.removeprefix("axes.")) != each.key else each.key: each.text
            for each in assignments
        }
    )
    grid = _GridReading(document, assignments, catalog, problems).grid()
    problems.raise_any()
    assert grid is not None
    return replace(grid, folder=folder)


def named_grid(source: str | os.PathLike[str] | Mapping[str, Any], catalog: Catalog) -> str:
    """Read the name of a grid that may be wrong otherwise; empty where it has none."""
    try:
        name = (source if isinstance(source, Mapping) else parse(find(source, catalog))).get("name")
    except GridError:
        return ""
    return name if isinstance(name, str) and GRID_NAME.fullmatch(name) else ""


class _GridReading:
    """One grid while it is read."""

    def __init__(
        self,
        document: dict[str, Any],
        assignments: Sequence[Assignment],
        catalog: Catalog,
        problems: Problems,
    ) -> None:
        self._document = document
        self._assignments = assignments
        self._catalog = catalog
        self._problems = problems
        self._schema = Schema(catalog, problems)
        self._patterns = Patterns(catalog, self._schema, problems)

    def grid(self) -> Grid | None:
        """Build the grid; None where there is any problem."""
        for key in self._document:
            if key not in _KEYS:
                self._problems.add(key, f"a grid has no key {given(key)}{did_you_mean(key, _KEYS)}")
        name, seeds = self._name(), self._seeds()
        asked = self._asked_axes()
        combinations = read_combinations(
            {key: self._said(key) for key in COMBINATION_KEYS}, asked, self._problems
        )
        zipped = [key for group in combinations.zipped for key in group]
        axes = read_axes(asked, self._catalog, self._schema, self._problems, zipped)
        refuse_uneven(combinations, axes, self._problems)
        base, rules = self._layers(axes, asked)
        excludes = read_excludes(
            self._document.get("exclude", []), axes, {*NAMED, *asked}, self._patterns, self._problems
        )
        section = self._compare()
        section.setdefault("axis", combinations.compared_by_default(axes, section))
        compare = read_compare(section, axes, {*NAMED, *asked}, self._patterns, self._problems)
        self._refuse_too_many(axes, combinations, seeds)
        if self._problems or compare is None:
            return None
        cells, scorings = product(
            axes, seeds, base, rules, self._problems, self._catalog, combinations, excludes
        )
        if cells:
            named = "baseline" in section
            compare = with_cells(compare, axes, cells, combinations, excludes, self._problems, named=named)
        refuse_unplayable(cells, self._catalog, self._problems)
        for score in scorings:
            check_scoring(score, self._catalog, self._problems)
        layers = {"": base, **{f"override[{index}].": rule.layer for index, rule in enumerate(rules)}}
        refuse_unscored(layers, scorings, self._catalog, self._problems)
        if self._problems:
            return None
        return Grid(
            name=name,
            seeds=seeds,
            axes=tuple(axis for axis in axes.values() if not axis.is_idle),
            cells=cells,
            compare=compare,
            document=document_of(name, seeds, axes, base, rules, compare, combinations, excludes),
        )

    def _assigned(self, key: str) -> Any:
        return next((each.value for each in reversed(self._assignments) if each.key == key), None)

    def _said(self, key: str) -> Any:
        """Return the command line's value of a top-level key, else the file's; None where neither has one."""
        assigned = self._assigned(key)
        return self._document.get(key) if assigned is None else assigned

    def _table(self, key: str) -> Mapping[str, Any]:
        table = self._document.get(key, {})
        if not isinstance(table, Mapping):
            self._problems.add(key, f"must be a table, given {given(table)}")
            return {}
        return table

    def _name(self) -> str:
        name = self._said("name")
        if name is None:
            self._problems.add("name", "is missing; it becomes the name of the results folder")
        elif not isinstance(name, str) or not GRID_NAME.fullmatch(name):
            wants = "must be at most 100 letters, digits, '-', '_' and '.', not beginning with '.'"
            self._problems.add("name", f"{wants}, given {given(name)}")
        return str(name)

    def _seeds(self) -> tuple[int, ...]:
        seeds = self._said("seeds")
        if seeds is None:
            self._problems.add("seeds", f"is missing; a number from 1 to {MAX_SEEDS}, or a list of seeds")
        elif _is_int(seeds) and 1 <= seeds <= MAX_SEEDS:
            return tuple(range(seeds))
        elif not isinstance(seeds, list):
            wants = f"must be a whole number from 1 to {MAX_SEEDS}, or a list of seeds"
            self._problems.add("seeds", f"{wants}, given {given(seeds)}")
        elif not 1 <= len(seeds) <= MAX_SEEDS:
            self._problems.add("seeds", f"must list 1 to {MAX_SEEDS} seeds, given {len(seeds)}")
        elif wrong := [seed for seed in seeds if not _is_int(seed) or not 0 <= seed <= MAX_SEED]:
            wants = f"must be whole numbers from 0 to {MAX_SEED}"
            self._problems.add("seeds", f"{wants}, given {given(wrong[0])}")
        elif len(set(seeds)) < len(seeds):
            twice, _ = Counter(seeds).most_common(1)[0]
            self._problems.add("seeds", f"must be distinct, given {twice} more than once")
        else:
            return tuple(seeds)
        return (0,)

    def _asked_axes(self) -> dict[str, Any]:
        if "axes" not in self._document:
            self._problems.add(
                "axes", "is missing; a grid is the product of its axes: dataset, architecture, loss"
            )
        asked = flat_axes(self._table("axes"))
        for assignment in self._assignments:
            if assignment.key.startswith("axes."):
                asked[assignment.key.removeprefix("axes.")] = assignment.value
        return asked

    def _layers(self, axes: Mapping[str, Axis], asked: Mapping[str, Any]) -> tuple[Layer, list[Override]]:
        """Read the settings of all cells, and of some; those of --set come last of all."""
        base: Layer = {}
        for section in SECTIONS:
            merge_layer(base, self._schema.layer(section, self._unassigned(section), section))
        everything = {*NAMED, *asked}
        tables = self._document.get("override", [])
        rules = read_overrides(tables, axes, everything, self._patterns, self._schema, self._problems)
        last: Layer = {}
        for assignment in self._assignments:
            key = assignment.key
            if not key.startswith(("train.", "score.")):
                continue
            if axis := next((axis for axis in asked if overlap(axis, key)), None):
                self._problems.add(key, f"is the axis {axis}; give --set '{axis_key(axis)}=[...]' instead")
            merge_layer(last, self._schema.setting(key, assignment.value, key))
        merge_layer(base, last)
        if rules and last:
            rules.append(Override(when={}, layer=last, said={}))
        return base, rules

    def _unassigned(self, section: str) -> dict[str, Any]:
        """Return a section's table without what the command line sets anew, which need not be right."""
        assigned = {assignment.key for assignment in self._assignments}
        table: dict[str, Any] = {}
        for name, value in self._table(section).items():
            key = f"{section}.{name}"
            if name in OPTIMIZER_KEYS and isinstance(value, Mapping):
                table[name] = {
                    option: said for option, said in value.items() if f"{key}.{option}" not in assigned
                }
            elif key not in assigned:
                table[name] = value
        return table

    def _compare(self) -> dict[str, Any]:
        """Return [compare] with what the command line sets."""
        assigned = {key: self._assigned(f"compare.{key}") for key in COMPARE_KEYS}
        return {
            **self._table("compare"),
            **{key: value for key, value in assigned.items() if value is not None},
        }

    def _refuse_too_many(
        self, axes: Mapping[str, Axis], combinations: Combinations, seeds: tuple[int, ...]
    ) -> None:
        found = count = combinations.count(axes)
        if combinations.sample is not None:
            if found > MAX_SAMPLED_FROM:
                self._problems.add(
                    "sample", f"would be drawn from {found} combinations; at most {MAX_SAMPLED_FROM}"
                )
            count = min(found, combinations.sample)
        if count * len(seeds) > MAX_CELLS:
            what = "the product of the axes and seeds is"
            if not combinations.is_product:
                what = "the combinations of the axes with all seeds are"
            self._problems.add("axes", f"{what} {count * len(seeds)} cells; at most {MAX_CELLS}")


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
