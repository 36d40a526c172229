"""An executor that is given by its name, opened for a run and closed after it."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Collection, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Protocol

from ganbench.errors import GridError
from ganbench.execution.executor import EXECUTORS, Executor
from ganbench.store import Store

LOCAL = "local"


class ClusterExecutor(Executor, Protocol):
    """An executor whose cells run on other machines; `EXECUTORS` has those that are given by a name.

    It is made with the path of a cluster file, or None, and `max_seconds`, a cell's limit, or None. Cells of
    a run may differ in the device model that they need, which the environment of a task names: one is only
    handed to a worker that has it, and a worker that has another costs no try
    (`ganbench.clusters.device_models`). Where a run begins, it writes a token into the results folder
    (`ganbench.clusters.shared_folder`), and every worker reads it and compares versions
    (`ganbench.clusters.node_check`) before the first cell is handed out. Lost workers are counted by
    `ganbench.execution.tries`.

    Attributes:
        workers: how many run side by side, for a sentence; empty where that is not known.
        serves_needs: whether it sets aside for a cell what its `needs` say.
    """

    serves_needs: bool

    @property
    def workers(self) -> str:
        """How many run side by side."""

    def tell_waiting(self, say: Callable[[str], None]) -> None:
        """Let a caller know what is waited for before anything is planned.

        Args:
            say: told in a line.
        """

    def close(self) -> None:
        """Let go of the cluster; nothing of the run is left there, but jobs from which it was detached."""


class DetachableExecutor(ClusterExecutor, Protocol):
    """An executor whose jobs can go on without the process of the run; the next run collects them.

    Attributes:
        left: what `run` has left to jobs, for a sentence; empty where it has left nothing.
    """

    left: str

    def detach(self) -> None:
        """Let `run` end once its jobs are submitted.

        Raises:
            GridError: they would end with this process.
        """

    def adopt(self, store: Store) -> Collection[str]:
        """Take over the jobs that an earlier run has left in a results folder; `run` collects them.

        Returns:
            The ids of the cells that they have.

        Raises:
            StoreError: that cannot be done from here.
        """


# Those of `EXECUTORS` that are a `DetachableExecutor`.
DETACHABLE = ("slurm",)


def cluster_executors() -> tuple[str, ...]:
    """List the executors that have a table in a cluster file."""
    return tuple(name for name in EXECUTORS if name != LOCAL)


@contextmanager
def opened_executor(
    executor: Executor | str | None,
    cluster: str | os.PathLike[str] | None,
    max_seconds: float | None = None,
    waiting: Callable[[str], None] = lambda text: None,
) -> Iterator[Executor | None]:
    """Open an executor that is given by its name; one that is given as itself stays as it is.

    Args:
        executor: a name of `EXECUTORS`, an executor, or None.
        cluster: the path of a cluster file, or None.
        max_seconds: a cell's limit, or None.
        waiting: told what is waited for before anything is planned.

    Returns:
        The executor; None for worker processes of this machine, which are made once cells are planned.

    Raises:
        GanbenchError: its cluster file is wrong, its package is missing, or its cluster does not answer.
    """
    if not isinstance(executor, str) or executor == LOCAL:
        yield None if isinstance(executor, str) else executor
        return
    made: ClusterExecutor = EXECUTORS[executor](  # type: ignore[assignment]
        None if cluster is None else Path(cluster), max_seconds=max_seconds
    )
    made.tell_waiting(waiting)
    with closing(made):
        yield made


def require_package(module: str, extra: str) -> None:
    """Refuse an executor whose package is not installed.

    Args:
        module: the package's.
        extra: of ganbench, which installs it.

    Raises:
        GridError: it cannot be imported.
    """
    try:
        importlib.import_module(module)
    except ImportError as error:
        missing = (
            f"{module} is not installed" if error.name == module else f"{module} cannot be imported: {error}"
        )
        raise GridError(f"--executor {extra}: {missing}; pip install 'ganbench[{extra}]'") from None
