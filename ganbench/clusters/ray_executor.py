"""Cells on a Ray cluster: an actor per slot, which starts a worker process on its node."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Sequence
from pathlib import Path

from ganbench.clusters.device_models import require_models
from ganbench.clusters.node_check import NodeCheck, NodeReport, refuse_unfit
from ganbench.clusters.ray_cluster import Needs, RayCluster, RaySettings
from ganbench.clusters.ray_slots import RaySlot, RaySlots, WaitingTasks
from ganbench.clusters.shared_folder import SharedFolder
from ganbench.errors import GanbenchError
from ganbench.execution.executor import MIN_START_SECONDS, Place
from ganbench.execution.named_executor import cluster_executors
from ganbench.execution.tries import Lost, TimeLimit, Tries
from ganbench.runner.devices import THREADS
from ganbench.runner.events import CellBegun, CellNote, Event
from ganbench.runner.task import CellResult, Task
from ganbench.store import Store

_PATIENCE_SECONDS = 3.0
# A node may have to start Python over a network drive; a busy cluster may have to end other work.
_START_SECONDS = 300.0
# How often nodes are counted that have joined or gone.
_COUNT_SECONDS = 10.0
_MAX_FAILED_STARTS = 3
# How often the user hears that no worker has a cell.
_UNSERVED_SECONDS = 60.0


class RayExecutor:
    """Runs tasks on a Ray cluster; a dead worker, actor or node costs a cell one of two tries.

    Attributes:
        stopped: when it was told to stop, in seconds of `time.monotonic`; None while it was not.
        settings: the table [ray].
        patience_seconds: how long after that it waits for checkpoints.
        serves_needs: Ray sets aside for a cell what it needs.
    """

    patience_seconds = _PATIENCE_SECONDS
    serves_needs = True

    def __init__(self, cluster: Path | None = None, *, max_seconds: float | None = None) -> None:
        """Connect to the cluster, or start a Ray on this machine; no worker is started yet.

        Args:
            cluster: a file with a table [ray]; defaults where there is none.
            max_seconds: a cell's limit, from when its worker is ready, or None.

        Raises:
            GanbenchError: the file is wrong, Ray is not installed, or does not answer.
        """
        self.stopped: float | None = None
        self.settings = RaySettings.read(cluster, cluster_executors())
        self._cluster = RayCluster(self.settings)
        settings = self.settings
        gpus = settings.num_gpus
        if gpus is None:
            gpus = 1.0 if self._cluster.has_gpus() else 0.0
        self._device = "cuda:0" if gpus else "cpu"
        self._needs = Needs(num_cpus=settings.num_cpus, num_gpus=gpus)
        self._limit = TimeLimit.of(max_seconds, MIN_START_SECONDS)
        self._slots = RaySlots(self._cluster, self._device)
        self._capacity: dict[Needs, tuple[float, int]] = {}
        self._failed_starts = 0
        self._killed = False
        self._notes: deque[str] = deque()

    @property
    def workers(self) -> str:
        """How many run side by side, and what bounds them."""
        count = self._target(self._needs)
        bound = "slots in the cluster file" if self.settings.slots else f"{self._needs} each"
        return f"{count} worker{'s' * (count != 1)} of Ray ({bound})"

    def places(self) -> list[Place]:
        """List a place for each worker that has started: those of the preferred device model first.

        Raises:
            GanbenchError: none fits, none starts, or `device_models` has a model that no worker has.
        """
        if not self._slots.all:
            self._start_first()
        models = Counter(slot.report.model for slot in self._slots.all if slot.report is not None)
        require_models(self.settings, sorted(models))
        # The most frequent one unless the file says; by name where two are.
        names = self.settings.device_models or sorted(models, key=lambda name: (-models[name], name))[:1]
        return [
            Place(device=self._device, model=name, threads=THREADS)
            for name in names
            for _ in range(models[name])
        ]

    def stop(self) -> None:
        """Ask every worker to write its checkpoint and end; may be called from a signal handler."""
        if self.stopped is None:
            self.stopped = time.monotonic()

    def kill(self) -> None:
        """End every worker; may be called from a signal handler, so `run` does it."""
        self._killed = True

    def close(self) -> None:
        """End every worker, and let go of the cluster."""
        self._slots.dismiss(*self._slots.all)
        self._cluster.close()

    def run(
        self, tasks: Iterable[Task], on_event: Callable[[Event], None] = lambda _: None
    ) -> Generator[CellResult, None, None]:
        """Run tasks, in order as workers come free; results as they come.

        Raises:
            GanbenchError: a node does not see the folder, or has other versions; nothing has been begun.
        """
        given = tuple(tasks)
        if not given:
            return
        waiting = WaitingTasks(given, self._needs)
        self._refuse_needs(waiting.wanted())
        shared = SharedFolder(Store(given[0].folder))
        shared.open()
        tries = Tries()
        try:
            self._check_nodes(NodeCheck.of(given, shared.token))
            told = False
            served = time.monotonic()
            while waiting or self._slots.busy:
                if self.stopped is not None:
                    waiting.clear()
                    if not told:
                        told = True
                        self._slots.stop()
                    if self._killed or time.monotonic() > self.stopped + self.patience_seconds:
                        return
                else:
                    self._start_missing(waiting)
                    self._hand_out(waiting)
                    if self._slots.busy:
                        served = time.monotonic()
                    elif time.monotonic() > served + _UNSERVED_SECONDS:
                        served = time.monotonic()
                        models = ", ".join(sorted(waiting.models()))
                        self._notes.append(
                            f"cells wait for a worker of Ray on a {models}; Ctrl-C ends the run"
                        )
                for slot, said in self._slots.hear(self._limit if self.stopped is None else None):
                    result = self._take(slot, said, tries, waiting, on_event)
                    if result is not None:
                        yield result
                while self._notes:
                    on_event(CellNote(cell="", note=self._notes.popleft()))
        finally:
            self._slots.dismiss(*self._slots.all)
            shared.close()

    def _take(
        self,
        slot: RaySlot,
        said: object,
        tries: Tries,
        waiting: WaitingTasks,
        on_event: Callable[[Event], None],
    ) -> CellResult | None:
        """Act on what a worker has said, or on its end; return the result of its cell where it has one."""
        task = slot.task
        if isinstance(said, NodeReport):
            self._failed_starts = 0
            self._notes.extend(said.problems)
            return None
        if isinstance(said, CellResult) and not (said.status == "unfinished" and self.stopped is None):
            slot.task = None
            return said
        if isinstance(said, Lost | CellResult):
            # A cell that somebody else has asked to stop: its worker has to be replaced.
            lost = said if isinstance(said, Lost) else Lost(cause="SIGTERM")
            self._slots.dismiss(slot)
            if task is None:
                self._refuse_starts(lost)
                return None
            result = tries.result_of(task.cell.id, lost, stopped=self.stopped is not None)
            if result is None:
                waiting.put_back(task)
            return result
        if isinstance(said, CellBegun):
            slot.begun = time.monotonic()
        on_event(said)  # type: ignore[arg-type]
        return None

    def _hand_out(self, waiting: WaitingTasks) -> None:
        for slot in self._slots.all:
            if slot.task is None and slot.report is not None and not slot.report.problems:
                task = waiting.take(slot.needs, slot.report.model)
                if task is not None:
                    self._slots.give(slot, task)

    def _target(self, needs: Needs) -> int:
        """Count the workers that there are to be of one kind, those that wait for a node included."""
        if needs == self._needs and self.settings.slots:
            return self.settings.slots
        counted, capacity = self._capacity.get(needs, (0.0, 0))
        if time.monotonic() > counted + _COUNT_SECONDS or not counted:
            capacity = self._cluster.capacity(needs)
            self._capacity[needs] = time.monotonic(), capacity
        # Where every node has gone, one waits for the next.
        return max(1, capacity)

    def _refuse_needs(self, asked: Iterable[Needs]) -> None:
        """Refuse what no node can set aside for a cell.

        Raises:
            GanbenchError: a cell needs it.
        """
        problems = []
        for needs in set(asked) - {self._needs}:
            if self._device == "cpu" and needs.num_gpus:
                problems.append(
                    "[[override]] cluster.num_gpus: cells run on CPUs here; set num_gpus in [ray] of the "
                    "cluster file above 0, or leave it out of the grid"
                )
            elif not self._cluster.capacity(needs):
                problems.append(
                    f"[[override]] cluster: no node has {needs}, which a cell is to have; "
                    f"{self._cluster.described()}"
                )
        if problems:
            raise GanbenchError(*sorted(set(problems)))

    def _start_missing(self, waiting: WaitingTasks) -> None:
        """Start workers for the cells that wait, and end idle ones that stand in the way of others."""
        wanted = waiting.wanted()
        for slot in tuple(self._slots.all):
            if wanted and slot.task is None and slot.report is not None and not wanted[slot.needs]:
                self._slots.dismiss(slot)
        wanted.update(slot.needs for slot in self._slots.busy)
        there = Counter(slot.needs for slot in self._slots.all)
        for needs, count in wanted.items():
            for _ in range(min(count, self._target(needs)) - there[needs]):
                self._slots.start(needs)

    def _start_first(self) -> None:
        """Start the workers that fit, and wait until they have answered.

        Raises:
            GanbenchError: none fits, or none starts.
        """
        fit = self._cluster.capacity(self._needs)
        if not fit:
            raise GanbenchError(
                f"[ray]: no node has {self._needs}, which a cell is to have; {self._cluster.described()}"
            )
        for _ in range(min(fit, self.settings.slots or fit)):
            self._slots.start(self._needs)
        self._await_reports(tuple(self._slots.all))

    def _check_nodes(self, check: NodeCheck) -> None:
        """Hold every node that has a worker against what the cells need.

        Raises:
            GanbenchError: one of them does not have it.
        """
        self._slots.check = check
        asked = tuple(slot for slot in self._slots.all if slot.node)
        for slot in asked:
            self._slots.ask(slot)
        self._await_reports(asked)
        refuse_unfit([slot.report for slot in self._slots.all if slot.report is not None])

    def _await_reports(self, slots: Sequence[RaySlot]) -> None:
        """Wait until workers have reported, all that still live, and one at least.

        Raises:
            GanbenchError: none does.
        """
        end = time.monotonic() + _START_SECONDS
        while self.stopped is None and any(slot.report is None for slot in slots if slot in self._slots.all):
            for slot, said in self._slots.hear(self._limit if self.stopped is None else None):
                if isinstance(said, Lost):
                    self._slots.dismiss(slot)
                    self._refuse_starts(said)
                    self._slots.start(slot.needs)
            if time.monotonic() > end:
                if any(slot.report is not None for slot in self._slots.all):
                    return
                raise GanbenchError(
                    f"[ray]: no worker has begun within {_START_SECONDS:g} seconds; the cluster may be busy "
                    f"with other work: {self._cluster.described()}"
                )
            slots = self._slots.all if not any(slot in self._slots.all for slot in slots) else slots

    def _refuse_starts(self, lost: Lost) -> None:
        """Give up where workers die again and again before they have reported.

        Raises:
            GanbenchError: they do, and no other worker runs.
        """
        self._failed_starts += 1
        if self._failed_starts >= _MAX_FAILED_STARTS and not any(slot.report for slot in self._slots.all):
            raise GanbenchError(f"[ray]: no worker can be started on the cluster: {lost.cause}")
