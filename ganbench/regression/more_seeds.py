"""A check whose seeds are added to until it is settled; `looks` has the rule."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from ganbench.analysis.read_tables import Tables
from ganbench.catalog import PluginSource
from ganbench.errors import GridError, StoreError
from ganbench.grid.tolerance import Tolerance
from ganbench.regression.advice import elsewhere_of
from ganbench.regression.checks import read_finished
from ganbench.regression.gate import check_tables, request_of
from ganbench.regression.looks import Look, looks, new_seeds, settled_at_once
from ganbench.regression.outcome import Outcome

Train = Callable[[Sequence[int]], Path]


def check_adding_seeds(
    path: str | Path,
    baseline: str | Path,
    *,
    add: int,
    train: Train,
    metrics: Sequence[str] = (),
    tolerance: Tolerance | None = None,
    alpha: float = 0.05,
    plugins: Sequence[PluginSource] = (),
) -> Outcome:
    """Check as `check` does, and train more seeds of the change until the verdict is settled.

    The folder itself stays as it is. The same call made again finds the seeds that were trained, and comes to
    the same verdict.

    Args:
        path: a results folder.
        baseline: the one to hold it against.
        add: how many seeds may be added, at least 1.
        train: trains seeds with the grid of `path`, those that are finished aside, and returns their folder.
        metrics: as for `check`.
        tolerance: likewise.
        alpha: one-sided level of all looks together.
        plugins: likewise.

    Raises:
        GanbenchError: as `check` does; or the added seeds are of another grid.
    """
    if add < 1:
        raise GridError(f"--add-seeds: must be at least 1, given {add}")
    request = request_of(metrics, tolerance, alpha)
    now, before = read_finished(path), read_finished(baseline)
    outcome = check_tables(now, before, request, plugins)
    if settled_at_once(outcome):
        return replace(outcome, notes=(*outcome.notes, "no seed was added: the verdict is clear without"))
    seeds = new_seeds([int(seed) for seed in now.cells["seed"]], add)
    planned = looks(add, alpha)
    for look in planned:
        trained = seeds[: look.added]
        together = _joined(now, read_finished(train(trained)), trained)
        outcome = check_tables(together, before, replace(request, alpha=look.alpha), plugins)
        if outcome.verdict != "inconclusive":
            break
    return replace(outcome, notes=(*outcome.notes, _said(look, planned, alpha)), advice=_advice(outcome))


def _advice(outcome: Outcome) -> tuple[str, ...]:
    """Keep what is said of machines; where it is still open, send people to fresh seeds."""
    elsewhere = elsewhere_of(outcome)
    if outcome.verdict != "inconclusive":
        return elsewhere
    return (
        *elsewhere,
        "next: fresh seeds in a folder of their own, since each further look at these makes false verdicts "
        "likelier; or a larger tolerance",
    )


def _said(look: Look, planned: Sequence[Look], alpha: float) -> str:
    seeds = "1 seed was" if look.added == 1 else f"{look.added} seeds were"
    number = planned.index(look) + 2
    return (
        f"{seeds} added: look {number} of {len(planned) + 1}, at level {look.alpha:.3g} "
        f"of the {alpha:g} for all looks"
    )


def _joined(first: Tables, more: Tables, seeds: Sequence[int]) -> Tables:
    """Put the tables of added seeds under those that they were added to.

    Raises:
        StoreError: they are of another grid.
    """
    if first.contexts().keys() != more.contexts().keys():
        raise StoreError(
            f"{more.path}: has other combinations than {first.path}, to which it adds seeds; remove it"
        )
    cells = more.cells[more.cells["seed"].isin(list(seeds))]
    scores = more.scores[more.scores["cell"].isin(cells["cell"])]
    return replace(
        first,
        cells=pd.concat([first.cells, cells], ignore_index=True),
        scores=pd.concat([first.scores, scores], ignore_index=True),
    )
