"""Every combination of a grid and every scorer tried once, before anything is trained or written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ganbench.errors import GanbenchError, GridError, PluginError, PluginFault, Unsupported
from ganbench.grid import Cell, Grid
from ganbench.grid.environment import parts_of
from ganbench.runner import (
    CellParts,
    SharedParts,
    check_asking_metrics,
    check_cell,
    check_conditions,
    check_optimizers,
    check_resumption,
    check_update,
    plugins_in_play,
)
from ganbench.runner.best_generator import best_protocol

Key = tuple[object, ...]


@dataclass(frozen=True, kw_only=True)
class Preflight:
    """What was found.

    Attributes:
        skipped: by cell id, the reasons for which cells cannot be built.
        broken: by cell id, what is broken of their plugins, where the other cells are to be run.
        faults: what is broken, each once.
        notes: what the user should know of scores, a line each.
    """

    skipped: Mapping[str, str] = field(default_factory=dict)
    broken: Mapping[str, tuple[PluginFault, ...]] = field(default_factory=dict)
    faults: tuple[PluginFault, ...] = ()
    notes: tuple[str, ...] = ()


def preflight(
    grid: Grid,
    device: str,
    shared: SharedParts,
    *,
    keep_going: bool = False,
    trying: Callable[[int, int], None] = lambda done, total: None,
) -> Preflight:
    """Try every combination and every scorer of a grid.

    Args:
        grid: what is to be run.
        device: where it is to be run.
        shared: builds its parts.
        keep_going: whether cells whose plugins are broken are left out rather than refused, where others
            are left.
        trying: told how many cells have been tried, and how many there are, before each.

    Raises:
        GanbenchError: with every problem of the grid that shows only when its parts meet, and, unless
            `keep_going`, everything that is broken of its plugins, with the tracebacks.
    """
    tried = _Trying(device, shared)
    for done, cell in enumerate(grid.cells):
        trying(done, len(grid.cells))
        tried.cell(cell)
    faults = tuple(tried.faults.values())
    left = [cell for cell in grid.cells if cell.id not in tried.broken and cell.id not in tried.skipped]
    told = faults if not keep_going or not left else ()
    problems = [*tried.problems, *(fault.line() for fault in told)]
    if problems:
        raise GridError(
            *(f"{grid.name}: {problem}" for problem in problems),
            tracebacks=tuple(fault.traceback for fault in faults if fault.traceback),
        )
    return Preflight(skipped=tried.skipped, broken=tried.broken, faults=faults, notes=tuple(tried.notes))


class _Trying:
    """The cells of one grid, one after the other; what they share is tried once.

    Attributes:
        skipped: reasons by cell id.
        broken: faults by cell id.
        faults: by their key.
        problems: what is wrong with the grid itself; an ordered set.
        notes: what the user should know; likewise.
    """

    def __init__(self, device: str, shared: SharedParts) -> None:
        self.skipped: dict[str, str] = {}
        self.broken: dict[str, tuple[PluginFault, ...]] = {}
        self.faults: dict[tuple[str, ...], PluginFault] = {}
        self.problems: dict[str, None] = {}
        self.notes: dict[str, None] = {}
        self._device = device
        self._shared = shared
        self._outcomes: dict[Key, GanbenchError | None] = {}

    def cell(self, cell: Cell) -> None:
        """Try what is new of a cell."""
        parts = CellParts(cell, self._shared, self._device)
        # Once: every attempt to read what is not there is an attempt to download it.
        if not self._tried(cell, ("data", cell.dataset), lambda: parts.train):
            return
        train = cell.train
        played = (cell.dataset, cell.architecture, cell.loss, cell.penalty, cell.augmentation)
        settings = (train.batch_size, train.precision, train.memory_format, train.loss_before_freeze)
        fits = self._tried(cell, ("parts", *played, *settings), lambda: check_cell(parts.fresh()))
        if fits and (plugins := plugins_in_play(parts)):
            # Which built-in parts there are beside a plugin's matters only where they do not fit.
            key: Key = ("resumption", cell.dataset, *settings, *plugins)
            if isinstance(self._outcomes.get(key), Unsupported):
                key = ("resumption", *played, *settings)
            fits = self._tried(cell, key, lambda: check_resumption(parts))
        optimizers = tuple(chosen for kind, chosen in parts_of(cell) if kind == "optimizer")
        if fits and optimizers:
            by_player = ((each.name, each.lr) for each in (train.d_optimizer, train.g_optimizer))
            changing = tuple(train.schedules or ())
            key = ("optimizers", *played, train.precision, *optimizers, *by_player, *changing)
            fits = self._tried(cell, key, lambda: check_optimizers(parts.fresh()))
        rule = (train.update, train.order, train.d_steps)
        # A rule is played with the other parts; where these do not fit, it is only built.
        play = (lambda: check_update(parts.fresh())) if fits else (lambda: parts.update)
        fits = self._tried(cell, ("update", fits, *rule), play) and fits
        scored = self._tried(cell, ("scorer", cell.dataset, cell.score), lambda: self._score(parts))
        if fits:
            asked = (cell.architecture, cell.score, cell.seed)
            self._tried(cell, ("conditions", cell.dataset, *asked), lambda: check_conditions(parts))
            if scored and parts.scorer is not None and parts.scorer.asking:
                asked_by = (cell.score.metrics, *played, *settings)
                self._tried(cell, ("asking", *asked_by), lambda: check_asking_metrics(parts.fresh()))

    def _score(self, parts: CellParts) -> None:
        if parts.scorer is not None:
            self.notes |= dict.fromkeys(parts.scorer.check())
            # Refuses to keep the best by a metric that could not score it anew.
            best_protocol(parts)

    def _tried(self, cell: Cell, key: Key, attempt: Callable[[], object]) -> bool:
        """Tell whether an attempt that some cells share succeeds; note for the cell what does not."""
        if key not in self._outcomes:
            try:
                attempt()
                self._outcomes[key] = None
            except GanbenchError as error:
                # Its frames would keep networks in memory; faults have the text of their tracebacks.
                error.__traceback__ = error.__cause__ = error.__context__ = None
                self._outcomes[key] = error
        outcome = self._outcomes[key]
        if isinstance(outcome, Unsupported):
            self.skipped.setdefault(cell.id, str(outcome))
        elif isinstance(outcome, PluginError):
            self.broken[cell.id] = (*self.broken.get(cell.id, ()), *outcome.faults)
            for fault in outcome.faults:
                self.faults.setdefault(fault.key, fault)
        elif outcome is not None:
            self.problems |= dict.fromkeys(outcome.problems)
        return outcome is None
