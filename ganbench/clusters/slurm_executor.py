"""Cells on Slurm by submitit: jobs that outlive their driver, and are collected by the same command."""

from __future__ import annotations

import pickle
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from pathlib import Path

from ganbench.clusters.device_models import NodeModels, require_models, unplaced_note, unplaced_results
from ganbench.clusters.job_log import CellGiven, CellLost, JobBegun, JobEnded
from ganbench.clusters.node_check import NodeCheck, NodeReport, refuse_unfit
from ganbench.clusters.shared_folder import SharedFolder
from ganbench.clusters.signalled_executor import SignalledExecutor
from ganbench.clusters.slurm_jobs import SlurmJobs, SubmittedJob
from ganbench.clusters.slurm_probe import NodeProbe
from ganbench.clusters.slurm_settings import SlurmSettings
from ganbench.errors import GanbenchError, GridError
from ganbench.execution.executor import Place
from ganbench.execution.named_executor import cluster_executors
from ganbench.execution.resources import resources_here, worker_count
from ganbench.execution.tries import Lost, Tries
from ganbench.grid.cell import cells_counted
from ganbench.runner.devices import THREADS
from ganbench.runner.events import Event
from ganbench.runner.task import CellResult, Task
from ganbench.store import Store

_POLL_SECONDS = 0.2
_POLL_SECONDS_PER_JOB = 0.002
# A job reads the wish to stop once a second, over a network drive, and ends after its checkpoint.
_PATIENCE_SECONDS = 30.0
# How many jobs of a cell may come to nodes of other device models, those known to have one left out.
_MAX_MISPLACED = 3
_WAY_OUT = "choose nodes by slurm_constraint or slurm_partition in the cluster file"


class SlurmExecutor(SignalledExecutor):
    """Runs tasks in jobs of Slurm; a dead worker or job costs a cell one of two tries.

    Attributes:
        settings: the table [slurm].
        serves_needs: jobs ask for what their cells need.
        left: what `run` has left to jobs, for a sentence; empty where it has left nothing.
    """

    patience_seconds = _PATIENCE_SECONDS
    serves_needs = True

    def __init__(self, cluster: Path | None = None, *, max_seconds: float | None = None) -> None:
        """Read the settings; no job is submitted yet.

        Args:
            cluster: a file with a table [slurm]; defaults where there is none.
            max_seconds: a cell's limit, from when its worker is ready, or None.

        Raises:
            GanbenchError: the file is wrong, or submitit or Slurm is missing.
        """
        super().__init__(max_seconds)
        self.settings = SlurmSettings.read(cluster, cluster_executors())
        with tempfile.TemporaryDirectory() as folder:
            self.settings.executor(Path(folder))
        self.left = ""
        self._device = "cuda:0" if self.settings.has_gpus else "cpu"
        self._probe = NodeProbe(self.settings, self._device)
        self._jobs: SlurmJobs | None = None
        self._detached = False
        self._models: list[str] = []
        self._nodes = NodeModels()
        self._misplaced: Counter[str] = Counter()

    @property
    def workers(self) -> str:
        """How the cells are dealt."""
        count = self.settings.cells_per_job
        each = f"{count} cell{'s' * (count != 1)} each"
        return {
            "slurm": f"jobs of Slurm ({each})",
            "local": f"jobs of submitit on this machine (at least {each})",
            "debug": f"jobs of submitit in this process, one after another ({each})",
        }[self.settings.cluster]

    def places(self) -> list[Place]:
        """List a place for each device model: those that the file names, or that of the node of a small job.

        Raises:
            GanbenchError: the small job fails; or this machine is the only node, and lacks the device.
        """
        if not self._models:
            if self.settings.device_models:
                if self.settings.cluster != "slurm":
                    require_models(self.settings, [self._model_here()])
                self._models = list(self.settings.device_models)
            elif self.settings.cluster != "slurm":
                self._models = [self._model_here()]
            else:
                self._models = [self._probe.model(self._say)]
        return [Place(device=self._device, model=model, threads=THREADS) for model in self._models]

    def _model_here(self) -> str:
        """Give the model of this machine's device.

        Raises:
            GanbenchError: torch cannot use it.
        """
        report = NodeCheck().answer(self._device)
        refuse_unfit([report])
        return report.model

    def close(self) -> None:
        """Hold on to nothing: `run` ends its jobs."""

    def detach(self) -> None:
        """Let `run` end once its jobs are submitted; they go on, and the next run collects them.

        Raises:
            GridError: they would end with this process.
        """
        if self.settings.cluster == "debug":
            raise GridError(
                'detach: jobs of cluster = "debug" end with this process; give "local" or "slurm" in [slurm]'
            )
        self._detached = True

    def adopt(self, store: Store) -> set[str]:
        """Take over the jobs that an earlier driver has left in a results folder; `run` collects them.

        Returns:
            The ids of the cells that they have.

        Raises:
            StoreError: they are processes of another machine.
        """
        self._jobs = SlurmJobs(store.jobs_folder, self.settings)
        self._jobs.adopt()
        return {cell for job in self._jobs.all for cell in job.cells}

    def run(
        self, tasks: Iterable[Task], on_event: Callable[[Event], None] = lambda _: None
    ) -> Generator[CellResult, None, None]:
        """Collect what jobs of an earlier driver have done, submit the other tasks; results as they come.

        Raises:
            GanbenchError: a node lacks the folder or has other versions, or no job can be submitted.
        """
        wanted = {task.cell.id: task for task in tasks}
        if wanted and self._jobs is None:
            self.adopt(Store(next(iter(wanted.values())).folder))
        jobs = self._jobs
        if jobs is None:
            return
        self._refuse_needs(wanted.values())
        store = Store(jobs.folder.parent)
        # Jobs of an earlier driver go on while they find the token that they were given.
        shared = SharedFolder(store, str(store.workers().get("token", "")) if jobs.all else "")
        shared.open()
        check = NodeCheck.of(wanted.values(), shared.token)
        tries = Tries()
        told = False
        try:
            running = {cell for job in jobs.all for cell in job.cells}
            self._submit(jobs, [task for task in wanted.values() if task.cell.id not in running], check)
            while jobs.all:
                again: list[Task] = []
                for job in tuple(jobs.all):
                    again += yield from self._collect(job, jobs, wanted, tries, on_event)
                if self.stopped is None:
                    yield from self._given_up(self._submit(jobs, again, check), wanted, on_event)
                    # Where all of them have ended meanwhile, nothing is left to be collected.
                    if self._detached and jobs.all:
                        self.left = _counted(jobs)
                        return
                else:
                    if not told:
                        told = True
                        shared.stop()
                        self._cancel_waiting(jobs)
                    if self._is_out_of_patience:
                        return
                self._pause(len(jobs.all))
        finally:
            self._end(jobs, shared)

    def _pause(self, jobs: int) -> None:
        """Wait until jobs are heard again, longer where there are many: each is a file on a network drive."""
        end = time.monotonic() + max(_POLL_SECONDS, _POLL_SECONDS_PER_JOB * jobs)
        stopped = self.stopped
        while self.stopped is stopped and time.monotonic() < end:
            time.sleep(_POLL_SECONDS)

    def _collect(
        self,
        job: SubmittedJob,
        jobs: SlurmJobs,
        wanted: dict[str, Task],
        tries: Tries,
        on_event: Callable[[Event], None],
    ) -> Generator[CellResult, None, list[Task]]:
        """Hear a job, and drop it where it is over.

        Args:
            job: of `jobs`.
            jobs: all of them.
            wanted: the cells without a result, from which those that get one are taken.
            tries: of lost cells.
            on_event: told what the job tells.

        Returns:
            The tasks to be submitted again.
        """
        # Asked before it is heard: nothing comes after that.
        is_over = job.handle.is_over()
        again: list[str] = []
        ends = [*self._news(job, on_event)]
        left = job.left
        if is_over and left and self.stopped is None and not job.is_blameless:
            # It was killed, with the cell that it had or before it had one.
            cell = job.given if job.given in left else left[0]
            left.remove(cell)
            ends.append((cell, job.lost()))
        for cell, end in ends:
            stopped = self.stopped is not None
            result = tries.result_of(cell, end, stopped=stopped) if isinstance(end, Lost) else end
            if result is None:
                again.append(cell)
            elif wanted.pop(cell, None) is not None:
                yield result
        if is_over:
            again += left
            unplaced = self._unplaced(job, [wanted[cell] for cell in left if cell in wanted])
            yield from self._given_up(unplaced, wanted, on_event)
            jobs.drop(job)
        return [wanted[cell] for cell in again if cell in wanted]

    def _given_up(
        self, unplaced: Sequence[Task], wanted: dict[str, Task], on_event: Callable[[Event], None]
    ) -> Iterator[CellResult]:
        """End the cells that no job can run, and say why."""
        if unplaced:
            on_event(unplaced_note(unplaced, self._nodes, _WAY_OUT))
        for result in unplaced_results(unplaced, self._nodes):
            del wanted[result.cell]
            yield result

    def _unplaced(self, job: SubmittedJob, left: Sequence[Task]) -> list[Task]:
        """Give the cells that a job has left since its node has another device model, once too often."""
        if self.stopped is not None:
            return []
        misplaced = [task for task in left if job.model not in ("", task.environment.device)]
        self._misplaced.update(task.cell.id for task in misplaced)
        most = _MAX_MISPLACED if self.settings.cluster == "slurm" else 1
        return [task for task in misplaced if self._misplaced[task.cell.id] >= most]

    def _end(self, jobs: SlurmJobs, shared: SharedFolder) -> None:
        """Leave nothing behind, but jobs that have not ended yet, which the next command collects."""
        if self.left:
            return
        if jobs.all:
            shared.stop()
            self._cancel_waiting(jobs)
            # Where the run failed rather than was stopped, nobody has waited yet.
            end = time.monotonic() + (self.patience_seconds if self.stopped is None else 0.0)
            while (
                not self._killed
                and not all(job.handle.is_over() for job in jobs.all)
                and time.monotonic() < end
            ):
                time.sleep(_POLL_SECONDS)
            if self._killed:
                for job in jobs.all:
                    job.handle.cancel()
        if jobs.are_over():
            jobs.close()
            shared.close()

    def _submit(self, jobs: SlurmJobs, tasks: Sequence[Task], check: NodeCheck) -> list[Task]:
        """Submit tasks, those with other needs or device models apart; return those that no node is left for.

        Raises:
            GanbenchError: Slurm refuses jobs that may run on any node.
        """
        unplaced: list[Task] = []
        if not tasks:
            return unplaced
        size = self.settings.cells_per_job
        if self.settings.cluster == "local":
            # There is no scheduler that would let jobs wait.
            free = max(1, worker_count(resources_here(), 0, None).count - len(jobs.all))
            size = max(size, -(-len(tasks) // free))
        alike: dict[tuple[object, ...], list[Task]] = {}
        for task in tasks:
            alike.setdefault((task.environment.device, *sorted(task.cell.needs.items())), []).append(task)
        for group in alike.values():
            parts = [group[start : start + size] for start in range(0, len(group), size)]
            works = [
                (
                    [task.cell.id for task in part],
                    {
                        "tasks": pickle.dumps(part),
                        "check": check,
                        "device": self._device,
                        "limit": self._limit,
                    },
                )
                for part in parts
            ]
            others = self._nodes.without(group[0].environment.device)
            try:
                jobs.submit(works, others, self.settings.with_needs(group[0].cell.needs))
            except GanbenchError:
                if not others:
                    raise
                unplaced += group
        return unplaced

    def _refuse_needs(self, tasks: Iterable[Task]) -> None:
        """Refuse what jobs cannot ask for, before any is submitted.

        Raises:
            GridError: a cell needs it.
        """
        problems: dict[str, None] = {}
        for needs in {tuple(sorted(task.cell.needs.items())) for task in tasks}:
            try:
                self.settings.with_needs(dict(needs))
            except GridError as error:
                problems |= dict.fromkeys(error.problems)
        if problems:
            raise GridError(*problems)

    def _news(
        self, job: SubmittedJob, on_event: Callable[[Event], None]
    ) -> Iterator[tuple[str, CellResult | Lost]]:
        """Hear a job, and give the ends of cells that it tells.

        Raises:
            GanbenchError: its node is not fit to run cells.
        """
        for message in job.log.news():
            if isinstance(message, CellResult):
                job.given = ""
                job.ended.add(message.cell)
                yield message.cell, message
            elif isinstance(message, CellLost):
                job.given = ""
                job.ended.add(message.cell)
                yield message.cell, message.lost
            elif isinstance(message, CellGiven):
                job.given = message.cell
            elif isinstance(message, JobBegun):
                job.given, job.clean, job.node, job.model = "", False, message.node, ""
            elif isinstance(message, JobEnded):
                job.given, job.clean = "", True
            elif isinstance(message, NodeReport):
                refuse_unfit([message])
                job.model = message.model
                if message.model not in self._models:
                    self._probe.forget()
                self._nodes.add(job.node, message.model)
            else:
                on_event(message)  # type: ignore[arg-type]

    def _cancel_waiting(self, jobs: SlurmJobs) -> None:
        for job in jobs.all:
            if job.log.is_empty():
                job.handle.cancel()


def _counted(jobs: SlurmJobs) -> str:
    """Count the jobs that go on, and their cells, for a sentence."""
    count = len(jobs.all)
    begun = sum(not job.log.is_empty() for job in jobs.all)
    cells = cells_counted(sum(len(job.left) for job in jobs.all))
    return f"{cells} in {count} job{'s' * (count != 1)}, {begun} of them begun"
