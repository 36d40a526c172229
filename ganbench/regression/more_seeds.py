"""A check whose seeds are added to until it is settled; `looks` has the rule."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from ganbench.analysis.read_tables import Tables
from ganbench.catalog import PluginSource
from ganbench.errors import GanbenchError, GridError, StoreError
from ganbench.grid.history import History
from ganbench.grid.tolerance import Tolerance
from ganbench.regression.advice import elsewhere_of, only_settings_differ
from ganbench.regression.checks import read_finished
from ganbench.regression.gate import check_tables, request_of
from ganbench.regression.looks import Look, looks, new_seeds, settled_at_once
from ganbench.regression.outcome import Outcome

Train = Callable[[Sequence[int]], Path]

_SECTIONS = ("axes", "train", "score", "override", "exclude")


def check_adding_seeds(
    path: str | Path,
    baseline: str | Path,
    *,
    add: int,
    train: Train,
    train_baseline: Train | None = None,
    more_baseline: str | Path | None = None,
    metrics: Sequence[str] = (),
    tolerance: Tolerance | None = None,
    alpha: float = 0.05,
    plugins: Sequence[PluginSource] = (),
) -> Outcome:
    """Check as `check` does, and train more seeds until the verdict is settled.

    The folders themselves stay as they are. The same call made again finds the seeds that were trained, and
    comes to the same verdict.

    Args:
        path: a results folder.
        baseline: the one to hold it against.
        add: how many seeds may be added on a side, at least 1.
        train: trains seeds with the grid of `path`, those that are finished aside, and returns their folder.
        train_baseline: likewise with the baseline's grid; it is used where versions, plugin sources and data
            are the baseline's and only settings differ. Unless given, the baseline stays as it is.
        more_baseline: a folder with more seeds of the baseline, trained where its code is; they are added in
            their order, as many as of the change, and `train_baseline` is not used.
        metrics: as for `check`.
        tolerance: likewise.
        alpha: one-sided level of all looks together.
        plugins: likewise.

    Raises:
        GanbenchError: as `check` does; or the added seeds are of another grid, or `more_baseline` was trained
            by other code than the baseline.
    """
    if add < 1:
        raise GridError(f"--add-seeds: must be at least 1, given {add}")
    request = request_of(metrics, tolerance, alpha)
    now, before = read_finished(path), read_finished(baseline)
    old = _Side(before)
    if more_baseline is not None:
        old = _given(before, read_finished(more_baseline), add)
    outcome = check_tables(now, before, request, plugins)
    if settled_at_once(outcome):
        return replace(outcome, notes=(*outcome.notes, "no seed was added: the verdict is clear without"))
    new = _Side(now, new_seeds(_seeds(now), add), train)
    if more_baseline is None and train_baseline is not None and only_settings_differ(outcome):
        old = _Side(before, new_seeds(_seeds(before), add), train_baseline)
    planned, kept = looks(add, alpha), []
    for look in planned:
        together = new.grown(look.added)
        try:
            yardstick = old.grown(look.added)
        except GanbenchError as error:
            if more_baseline is not None:
                raise
            kept = [f"no seed of the baseline was added: {error}"]
            old, yardstick = _Side(before), before
        outcome = check_tables(together, yardstick, replace(request, alpha=look.alpha), plugins)
        if outcome.verdict != "inconclusive":
            break
    said = _said(look, planned, alpha, len(old.seeds[: look.added]))
    return replace(outcome, notes=(*outcome.notes, *kept, said), advice=_advice(outcome))


@dataclass(frozen=True)
class _Side:
    """The change or the baseline, and which seeds may be added to it."""

    first: Tables
    seeds: tuple[int, ...] = ()
    train: Train | None = None

    def grown(self, added: int) -> Tables:
        """Put the tables of so many added seeds, or of all there are, under those of the first.

        Raises:
            GanbenchError: they cannot be trained, or are of another grid.
        """
        trained = self.seeds[:added]
        if not trained or self.train is None:
            return self.first
        return _joined(self.first, read_finished(self.train(trained)), trained)


def _given(baseline: Tables, more: Tables, add: int) -> _Side:
    """Take seeds of the baseline that were trained elsewhere.

    Raises:
        GridError: there are none, or they are not the baseline's: of another grid, or by other code.
    """
    for name in _SECTIONS:
        if more.grid.get(name) != baseline.grid.get(name):
            raise GridError(f"--more-baseline: the [{name}] of {more.path} is not that of {baseline.path}")
    contexts = baseline.contexts()
    for key, rows in more.contexts().items():
        for row in rows if key in contexts else ():
            last = History.from_row(row).last
            if changes := History.from_row(contexts[key][0]).on_machine_of(last).differences(last):
                raise GridError(
                    f"--more-baseline: the cells in {more.path} were trained by other code than those in "
                    f"{baseline.path}: {'; '.join(changes)}"
                )
    seeds = sorted(set(_seeds(more)) - set(_seeds(baseline)))
    if not seeds:
        raise GridError(f"--more-baseline: {more.path} has no seed that {baseline.path} lacks")
    return _Side(baseline, tuple(seeds[:add]), lambda _: more.path)


def _seeds(tables: Tables) -> list[int]:
    return [int(seed) for seed in tables.cells["seed"]]


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


def _said(look: Look, planned: Sequence[Look], alpha: float, of_baseline: int) -> str:
    if of_baseline == look.added:
        seeds = "1 seed a side was" if look.added == 1 else f"{look.added} seeds a side were"
    else:
        seeds = f"{look.added} seed{'s' if look.added > 1 else ''}"
        seeds += f" and {of_baseline} of the baseline" if of_baseline else ""
        seeds += " were" if of_baseline or look.added > 1 else " was"
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
