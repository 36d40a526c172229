"""What the comparison of a planned run can show: by how many tests, and how large a difference must be."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field

from ganbench.analysis.context import Compared, arm_of, label, uncompared
from ganbench.analysis.detectable_effects import detectable_paired, detectable_welch
from ganbench.analysis.numbers import number
from ganbench.analysis.pairwise import seeds_pair
from ganbench.analysis.significance import ALPHA
from ganbench.execution.plan import Plan
from ganbench.grid.grid import PAIRS, Grid

# Below it, only differences of several standard deviations are shown.
MIN_SEEDS = 5
_MORE_SEEDS = (5, 10, 20)


def plan_power(plan: Plan) -> list[str]:
    """Say what difference the planned seeds and tests would show, one line each.

    Args:
        plan: of a whole grid; of a shard nothing is said, whose tests are those of all shards together.

    Returns:
        The smallest difference that is shown with probability .8 at the level of the family's smallest p, in
        standard deviations, for these seeds and for more; a warning below MIN_SEEDS. Nothing of this where
        nothing is compared. Last how many contexts have nothing to compare, if any.
    """
    grid = plan.grid
    if grid.shard:
        return []
    contexts = _contexts(plan)
    tests = _count_tests(plan, contexts)
    alone = uncompared(
        (context.arms for context in contexts.values()),
        Compared(grid.compare.axis, grid.compare.baseline, grid.compare.pairs),
    )
    return _detectable(grid, tests) + alone


def _detectable(grid: Grid, tests: int) -> list[str]:
    """Say what difference the seeds and tests would show; nothing where nothing is compared."""
    if not tests:
        return []
    seeds = len(grid.seeds)
    said = f"{seeds} seed{'' if seeds == 1 else 's'} and {tests} test{'' if tests == 1 else 's'}"
    if seeds < 2:
        return [
            f"warning: {said} show no difference, however large; give seeds = {MIN_SEEDS} or more "
            f"({_shown_by(MIN_SEEDS, tests, grid.compare.axis)})"
        ]
    paired = seeds_pair(grid.compare.axis)
    unit = "of the differences between two values" if paired else "of a value's scores"
    more = [
        f"{count} seeds: {_shown_by(count, tests, grid.compare.axis)}"
        for count in _MORE_SEEDS
        if count > seeds
    ]
    lines = [
        f"can show: {said} show a difference of {_shown_by(seeds, tests, grid.compare.axis)} or more, "
        f"4 times in 5; sd: {unit} over seeds" + (f" ({', '.join(more)})" if more else "")
    ]
    if seeds < MIN_SEEDS:
        lines.append(
            f"warning: fewer than {MIN_SEEDS} seeds show large differences only; `no difference shown` will "
            "not mean that there is none"
        )
    return lines


@dataclass(frozen=True)
class _Context:
    """What a context compares.

    Attributes:
        arms: the values of the compared axis that it has cells of.
        scores: those that are compared there.
    """

    arms: set[str] = field(default_factory=set)
    scores: set[str] = field(default_factory=set)


def _contexts(plan: Plan) -> dict[Hashable, _Context]:
    """Collect the contexts of the cells that are not skipped."""
    compare = plan.grid.compare
    found: dict[Hashable, _Context] = {}
    for planned in plan.cells:
        if planned.action == "skip":
            continue
        cell = planned.cell
        row = {**cell.axes, **cell.varied}
        key: Hashable = tuple((name, label(value)) for name, value in row.items() if name not in compare.axes)
        context = found.setdefault(key, _Context())
        context.arms.add(arm_of(row, compare.axes))
        for metric in cell.score.metrics:
            context.scores.update(plan.shared.metric_spec(metric.name).directions)
    return found


def _count_tests(plan: Plan, contexts: Mapping[Hashable, _Context]) -> int:
    """Count the pairs of values in each context, times the scores that are compared there."""
    compare = plan.grid.compare
    total = 0
    for context in contexts.values():
        pairs = math.comb(len(context.arms), 2)
        if compare.pairs == PAIRS[0]:
            pairs = len(context.arms) - 1 if compare.baseline in context.arms else 0
        total += pairs * len(context.scores)
    return total


def _shown_by(seeds: int, tests: int, axis: str) -> str:
    level = ALPHA / tests
    found = detectable_paired(seeds, level) if seeds_pair(axis) else detectable_welch(seeds, seeds, level)
    return f"{number(found, 2)} sd"
