"""Cells that one worker trains together, because their engine takes several seeds at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace

from ganbench.engines import engine_named
from ganbench.grid import Cell, Environment
from ganbench.runner.task import Task


def grouped(tasks: Iterable[Task]) -> list[tuple[Task, ...]]:
    """Put together the cells that differ in their seed alone and fit into one group of their engine.

    A group of width n has the seeds from a multiple of n on: what is trained together does not depend on
    which of them are left, and a seed's result does not depend on what it is trained with.

    Args:
        tasks: in the order in which they are to be begun.

    Returns:
        Groups in the order of their first cells; every cell is in one, most of them alone.
    """
    groups: dict[Hashable, list[Task]] = {}
    for task in tasks:
        key = task.cell.id if task.rescore else seed_group_of(task.cell, task.environment.engine)
        groups.setdefault((key, task.environment.hash, task.keep_stale), []).append(task)
    return [tuple(group) for group in groups.values()]


def seed_group_of(cell: Cell, engine: str) -> Hashable:
    """Give what is equal for cells that an engine can train together in equal environments.

    Args:
        cell: of which the group is.
        engine: by its name; with one that trains each cell alone it is the cell's id.
    """
    width = engine_named(engine).width
    return cell.id if width == 1 else (replace(cell, seed=0).id, cell.seed // width)


def notes_on_groups(cells: Sequence[tuple[Cell, Environment]], *, together: bool) -> list[str]:
    """Say what of the work of groups is lost that need not be, one line for each engine.

    Args:
        cells: that are to be trained, each with its environment.
        together: whether the executor trains the cells of a group together.
    """
    notes = []
    by_engine: dict[str, list[Hashable]] = {}
    for cell, environment in cells:
        if engine_named(environment.engine).width > 1:
            group = seed_group_of(cell, environment.engine), environment.hash
            by_engine.setdefault(environment.engine, []).append(group)
    for name, groups in by_engine.items():
        width = engine_named(name).width
        if not together:
            notes.append(
                f"train.engine {name!r}: with this executor each cell is trained alone, and takes as long as "
                f"{width} together; only worker processes of one machine train seeds together"
            )
            continue
        largest = max(Counter(groups).values())
        if largest < width:
            better = f"{name.partition('-')[0]}-{largest} has none" if largest > 1 else "compiled has none"
            notes.append(
                f"train.engine {name!r}: at least {width - largest} of {width} places in each group of seeds "
                f"stay empty, which take as long as the others; {better}"
            )
    return notes
