"""The seam to where cells run: what a run asks of an executor, and the executors by name.

An executor decides where and when cells run, never what comes of them: nothing of a result depends on it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, Self

from ganbench.api.lazy import lazy
from ganbench.errors import GridError
from ganbench.execution.stopping import Stoppable
from ganbench.grid.environment import device_model
from ganbench.runner.devices import THREADS
from ganbench.runner.events import Event
from ganbench.runner.task import CellResult, Task

# A worker imports torch and the plugins before it begins with a cell, on a busy network drive for minutes;
# where a cell has a limit, so has that.
MIN_START_SECONDS = 300.0


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where one cell at a time can run.

    Attributes:
        device: as torch names it in the worker: `cpu`, `cuda:0`.
        model: of the device; it decides bits, and is a part of a cell's environment.
        threads: for one operation on a CPU.
    """

    device: str
    model: str
    threads: int = THREADS

    @classmethod
    def here(cls, device: str, threads: int = THREADS) -> Self:
        """Describe a device of this machine."""
        return cls(device=device, model=device_model(device), threads=threads)


class Executor(Stoppable, Protocol):
    """Runs cells in workers; `ganbench.run` and `verify` take one.

    A worker calls `ganbench.runner.run_cell`, which checks that its environment is that of the
    task before it trains, and writes into the results folder of the task, which it must see. Only results
    and events come back. Cells whose engine trains several seeds may be run together by `run_cells`, in the
    groups that `ganbench.execution.task_groups.grouped` makes; nothing but time depends on it. An executor
    counts the tries of a cell whose worker dies, and gives up in the end with a result of status `error`, or
    `oom` where memory was missing; `ganbench.run` writes that down.
    """

    def places(self) -> Sequence[Place]:
        """List where cells can run, at least one place; asked before anything is planned.

        A cell is planned for the device model and threads of the first place, or, where it was begun on the
        model of another place, for that one; it must only be run where both are the same.

        Raises:
            GanbenchError: there is none.
        """

    def run(
        self, tasks: Iterable[Task], on_event: Callable[[Event], None]
    ) -> Generator[CellResult, None, None]:
        """Run tasks, each on the device of its worker's place, whatever device the task names.

        Args:
            tasks: in the order in which they are to be begun; any order of results will do.
            on_event: told in this thread what happens between results.

        Returns:
            A result for each task as they end. After `stop`, results of what was running, `unfinished` where
            a cell did not come to its end; what had not begun has none. Closed early, it leaves no worker.
        """


def planned_place(executor: Executor) -> Place:
    """Give the place of an executor that cells are planned for.

    Raises:
        GridError: it has none.
    """
    places = executor.places()
    if not places:
        raise GridError("executor: has no place where a cell can run")
    return places[0]


# A further executor is a module beside `local.py` and a line here.
EXECUTORS: dict[str, Callable[..., Executor]] = {
    "local": lazy("ganbench.execution.local:LocalExecutor"),
    "ray": lazy("ganbench.clusters.ray_executor:RayExecutor"),
    "slurm": lazy("ganbench.clusters.slurm_executor:SlurmExecutor"),
}
