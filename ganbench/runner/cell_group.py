"""Cells run in this process: one alone, or seeds that an engine trains together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from ganbench.engines import engine_named
from ganbench.errors import GanbenchError
from ganbench.files.data_paths import data_paths_set
from ganbench.runner.build import CellParts
from ganbench.runner.cell_run import CellRun
from ganbench.runner.events import CellBegun, Event
from ganbench.runner.shared_parts import SharedParts
from ganbench.runner.task import CellResult, Task
from ganbench.training import Lockstep, Stretch, deterministic_process


def run_cell(
    task: Task,
    shared: SharedParts,
    stop: Callable[[], bool] = lambda: False,
    on_event: Callable[[Event], None] = lambda _: None,
) -> CellResult:
    """Run one cell in this process, as every worker does; how it ends is a result, whatever it is.

    What it sets in the process, torch's switches and the paths of data, is put back.

    Args:
        task: which cell, where.
        shared: builds its parts; keeps those that other cells of this process use too.
        stop: asked after each step; a cell told to stop is checkpointed and `unfinished`.
        on_event: told when it begins, of steps and losses, a few times a second, of each scoring before the
            last, and of what is not as expected.
    """
    (result,) = run_cells([task], shared, stop, on_event)
    return result


def run_cells(
    tasks: Sequence[Task],
    shared: SharedParts,
    stop: Callable[[], bool] = lambda: False,
    on_event: Callable[[Event], None] = lambda _: None,
) -> Iterator[CellResult]:
    """Run cells that differ in their seed, their rounds together; see `run_cell`.

    While one is scored the others wait. Their bits are those that each has alone.

    Args:
        tasks: of cells with equal settings, data paths and environments, at most as many as their engine is
            wide, whose seeds have different places in it.
        shared: as for `run_cell`.
        stop: as for `run_cell`.
        on_event: as for `run_cell`.

    Returns:
        A result for each as they end.
    """
    first = tasks[0]
    with data_paths_set(first.data_paths), deterministic_process(first.threads):
        lockstep = Lockstep(engine_named(first.environment.engine))
        members = [_Member(task, shared, stop, on_event) for task in tasks]
        for member in members:
            member.begin()
        while True:
            for member in tuple(members):
                if member.result is not None:
                    members.remove(member)
                    yield member.result
            if not members:
                return
            played = lockstep.advance([member.stretch for member in members])
            seconds = played.seconds
            ended = dict(played.ended)
            for member in members:
                if member.stretch in played.played:
                    member.took(seconds, played.preparing)
                if member.stretch in ended:
                    member.go_on(ended[member.stretch])


class _Member:
    """A cell of a group: its run, and what it waits for."""

    def __init__(
        self, task: Task, shared: SharedParts, stop: Callable[[], bool], on_event: Callable[[Event], None]
    ) -> None:
        self._task, self._shared, self._stop, self._on_event = task, shared, stop, on_event
        self._seconds = 0.0
        self.stretch: Stretch
        self.result: CellResult | None = None

    def begin(self) -> None:
        """Begin with the cell, up to the first rounds that it asks for."""
        task = self._task
        self._on_event(CellBegun(cell=task.cell.id))
        try:
            parts = CellParts(task.cell, self._shared, task.device)
            self._run = CellRun(task, parts, self._stop, self._on_event)
        except GanbenchError as error:
            self._fail(error)
            return
        self._work = self._run.to_end()
        self._step(lambda: next(self._work))

    def took(self, seconds: float, preparing: float) -> None:
        """Count its share of the time of rounds.

        Args:
            seconds: of the rounds.
            preparing: of what came before them.
        """
        self._seconds += seconds
        self._run.watch.add(seconds + preparing)

    def go_on(self, failure: BaseException | None) -> None:
        """Go on after rounds, up to the next ones that it asks for.

        Args:
            failure: what ended the rounds; None where nothing did.
        """
        seconds, self._seconds = self._seconds, 0.0
        self._run.watch.start()
        if failure is None:
            self._step(lambda: self._work.send(seconds))
        else:
            self._step(lambda: self._work.throw(failure))

    def _step(self, step: Callable[[], Stretch]) -> None:
        try:
            self.stretch = step()
        except StopIteration as end:
            self.result = end.value
        except GanbenchError as error:
            self._fail(error)
        self._run.watch.stop()

    def _fail(self, error: GanbenchError) -> None:
        # Not even the cell's record can be written.
        self.result = CellResult(cell=self._task.cell.id, status="error", reason=str(error), scores={})
