"""Cells on a Ray cluster: an actor per slot, which starts a worker process on its node."""

from __future__ import annotations

import os
import pickle
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ganbench.catalog.switches import VARIABLES
from ganbench.errors import GanbenchError
from ganbench.execution.cluster_file import require_models
from ganbench.execution.executor import MIN_START_SECONDS, THREADS, Place
from ganbench.execution.interpreter import interpreter_flags
from ganbench.execution.named_executor import cluster_executors
from ganbench.execution.node_check import NodeCheck, NodeReport, refuse_unfit
from ganbench.execution.ray_cluster import Needs, RayCluster, RaySettings
from ganbench.execution.ray_worker import RayWorker
from ganbench.execution.shared_folder import SharedFolder
from ganbench.execution.tries import Lost, TimeLimit, Tries
from ganbench.runner.events import CellBegun, CellNote, Event
from ganbench.runner.task import CellResult, Task
from ganbench.store import Store

_POLL_SECONDS = 0.1
# How long an actor waits for its worker before it says that there is nothing new.
_LISTEN_SECONDS = 5.0
_PATIENCE_SECONDS = 3.0
# A node may have to start Python over a network drive; a busy cluster may have to end other work.
_START_SECONDS = 300.0
# How often nodes are counted that have joined or gone.
_COUNT_SECONDS = 10.0
_MAX_FAILED_STARTS = 3


@dataclass(eq=False)
class _Slot:
    """An actor with its worker, and what it is doing.

    Attributes:
        needs: what Ray sets aside for it.
        actor: Ray's handle.
        hearing: Ray's reference to the answer that is awaited: first the node's name, then what is new.
        node: the machine; empty until it is known.
        node_id: Ray's name of it.
        report: of the last check of the node; None while it is awaited.
        task: the cell that it runs.
        given: when it got the cell, in seconds of `time.monotonic`.
        begun: when it began with it.
    """

    needs: Needs
    actor: Any
    hearing: Any
    node: str = ""
    node_id: str = ""
    report: NodeReport | None = None
    task: Task | None = None
    given: float = 0.0
    begun: float | None = None


class RayExecutor:
    """Runs tasks on a Ray cluster; a dead worker, actor or node costs a cell one of two tries.

    Attributes:
        stopped: when it was told to stop, in seconds of `time.monotonic`; None while it was not.
        settings: the table [ray].
        patience_seconds: how long after that it waits for checkpoints.
    """

    patience_seconds = _PATIENCE_SECONDS

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
        import ray

        self._ray: Any = ray
        settings = self.settings
        gpus = settings.num_gpus
        if gpus is None:
            gpus = 1.0 if self._cluster.has_gpus() else 0.0
        self._device = "cuda:0" if gpus else "cpu"
        self._needs = Needs(num_cpus=settings.num_cpus, num_gpus=gpus)
        self._limit = None
        if max_seconds is not None:
            self._limit = TimeLimit(cell=max_seconds, start=max(max_seconds, MIN_START_SECONDS))
        self._slots: list[_Slot] = []
        self._check = NodeCheck()
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
        if not self._slots:
            self._start_first()
        models = Counter(slot.report.model for slot in self._slots if slot.report is not None)
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
        self._dismiss(*self._slots)
        self._cluster.close()

    def run(
        self, tasks: Iterable[Task], on_event: Callable[[Event], None] = lambda _: None
    ) -> Generator[CellResult, None, None]:
        """Run tasks, in order as workers come free; results as they come.

        Raises:
            GanbenchError: a node does not see the folder, or has other versions; nothing has been begun.
        """
        waiting = deque(tasks)
        if not waiting:
            return
        shared = SharedFolder(Store(waiting[0].folder))
        shared.open()
        tries = Tries()
        try:
            self._check_nodes(NodeCheck.of(waiting, shared.token))
            told = False
            while waiting or self._busy():
                if self.stopped is not None:
                    waiting.clear()
                    if not told:
                        told = True
                        for slot in self._busy():
                            slot.actor.stop.remote()
                    if self._killed or time.monotonic() > self.stopped + self.patience_seconds:
                        return
                else:
                    self._start_missing(len(waiting) + len(self._busy()))
                    self._hand_out(waiting)
                for slot, said in self._hear():
                    result = self._take(slot, said, tries, waiting, on_event)
                    if result is not None:
                        yield result
                while self._notes:
                    on_event(CellNote(cell="", note=self._notes.popleft()))
        finally:
            self._dismiss(*self._slots)
            shared.close()

    def _busy(self) -> list[_Slot]:
        return [slot for slot in self._slots if slot.task is not None]

    def _take(
        self,
        slot: _Slot,
        said: object,
        tries: Tries,
        waiting: deque[Task],
        on_event: Callable[[Event], None],
    ) -> CellResult | None:
        """Act on what a worker has said, or on its end; return the result of its cell where it has one."""
        task = slot.task
        if isinstance(said, NodeReport):
            self._notes.extend(said.problems)
            return None
        if isinstance(said, CellResult) and not (said.status == "unfinished" and self.stopped is None):
            slot.task = None
            return said
        if isinstance(said, Lost | CellResult):
            # A cell that somebody else has asked to stop: its worker has to be replaced.
            lost = said if isinstance(said, Lost) else Lost(cause="SIGTERM")
            self._dismiss(slot)
            if task is None:
                self._refuse_starts(lost)
                return None
            result = tries.result_of(task.cell.id, lost, stopped=self.stopped is not None)
            if result is None:
                waiting.appendleft(task)
            return result
        if isinstance(said, CellBegun):
            slot.begun = time.monotonic()
        on_event(said)  # type: ignore[arg-type]
        return None

    def _hand_out(self, waiting: deque[Task]) -> None:
        idle = [slot for slot in self._slots if slot.task is None and _is_fit(slot)]
        models = {slot.report.model for slot in idle if slot.report is not None}
        passed: list[Task] = []
        while idle and waiting and models:
            task = waiting.popleft()
            slot = next((slot for slot in idle if _suits(slot, task)), None)
            if slot is None:
                passed.append(task)
                continue
            idle.remove(slot)
            slot.task, slot.given, slot.begun = task, time.monotonic(), None
            self._send(slot, replace(task, device=self._device))
        waiting.extendleft(reversed(passed))

    def _send(self, slot: _Slot, message: object) -> None:
        slot.actor.send.remote(pickle.dumps(message))

    def _hear(self) -> Iterator[tuple[_Slot, object]]:
        """Wait a moment for what workers say; a `Lost` where one has ended or takes too long."""
        by_reference = {slot.hearing: slot for slot in self._slots}
        if not by_reference:
            time.sleep(_POLL_SECONDS)
            return
        ready, _ = self._ray.wait(list(by_reference), num_returns=1, timeout=_POLL_SECONDS)
        for reference in ready:
            slot = by_reference[reference]
            try:
                answer = self._ray.get(reference)
            except self._ray.exceptions.RayError as error:
                yield slot, self._lost(slot, error)
                continue
            if not slot.node:
                slot.node, slot.node_id = answer
                self._send(slot, (self._check, self._device))
                slot.hearing = slot.actor.listen.remote(_LISTEN_SECONDS)
                continue
            messages, ended = answer
            # Before anything is done with the messages: that may end the slot.
            if ended is None:
                slot.hearing = slot.actor.listen.remote(_LISTEN_SECONDS)
            for message in messages:
                said = pickle.loads(message)
                if isinstance(said, NodeReport):
                    slot.report = said
                    self._failed_starts = 0
                yield slot, said
            if ended is not None:
                cause, freed = ended
                yield slot, Lost(cause=cause, freed=freed)
        if self._limit is not None and self.stopped is None:
            for slot in self._busy():
                if reason := self._limit.exceeded(slot.given, slot.begun):
                    yield slot, Lost(reason=reason)

    def _lost(self, slot: _Slot, error: Exception) -> Lost:
        """Say what a slot was lost by, from what Ray raises."""
        text = str(error)
        killed = isinstance(error, self._ray.exceptions.OutOfMemoryError) or "OutOfMemory" in text
        there = {node["NodeID"] for node in self._cluster.nodes()}
        on = f" on node {slot.node}" if slot.node else ""
        cause = f"the loss of node {slot.node}" if slot.node_id and slot.node_id not in there else ""
        if not slot.node:
            lines = text.strip().splitlines() or ["no reason given"]
            cause = f"a failed start of its Ray actor: {lines[-1].strip()}"
        return Lost(cause=cause or f"the end of its Ray actor{on}", freed="Ray" if killed else "")

    def _start(self, needs: Needs) -> _Slot:
        """Create an actor; Ray places it once there is room."""
        options = {"max_restarts": 0, "max_task_retries": 0, "max_concurrency": 2, **needs.options()}
        names = ("OMP_NUM_THREADS", *VARIABLES)
        actor = (
            self._ray.remote(RayWorker)
            .options(**options)
            .remote(
                path=[entry for entry in sys.path if isinstance(entry, str)],
                arguments=sys.argv,
                flags=interpreter_flags(),
                variables={name: os.environ.get(name) for name in names},
                folder=os.getcwd(),
            )
        )
        slot = _Slot(needs=needs, actor=actor, hearing=actor.node.remote())
        self._slots.append(slot)
        return slot

    def _dismiss(self, *slots: _Slot) -> None:
        """End actors, and with them their workers."""
        for slot in slots:
            if slot in self._slots:
                self._slots.remove(slot)
            with suppress(Exception):
                # It may be gone, and so may the cluster.
                self._ray.kill(slot.actor)

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

    def _start_missing(self, wanted: int) -> None:
        for _ in range(min(wanted, self._target(self._needs)) - len(self._slots)):
            self._start(self._needs)

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
            self._start(self._needs)
        self._await_reports(tuple(self._slots))

    def _check_nodes(self, check: NodeCheck) -> None:
        """Hold every node that has a worker against what the cells need.

        Raises:
            GanbenchError: one of them does not have it.
        """
        self._check = check
        asked = tuple(slot for slot in self._slots if slot.node)
        for slot in asked:
            slot.report = None
            self._send(slot, (check, self._device))
        self._await_reports(asked)
        refuse_unfit([slot.report for slot in self._slots if slot.report is not None])

    def _await_reports(self, slots: Sequence[_Slot]) -> None:
        """Wait until workers have reported, all that still live, and one at least.

        Raises:
            GanbenchError: none does.
        """
        end = time.monotonic() + _START_SECONDS
        while self.stopped is None and any(slot.report is None for slot in slots if slot in self._slots):
            for slot, said in self._hear():
                if isinstance(said, Lost):
                    self._dismiss(slot)
                    self._refuse_starts(said)
                    self._start(slot.needs)
            if time.monotonic() > end:
                if any(slot.report is not None for slot in self._slots):
                    return
                raise GanbenchError(
                    f"[ray]: no worker has begun within {_START_SECONDS:g} seconds; the cluster may be busy "
                    f"with other work: {self._cluster.described()}"
                )
            slots = self._slots if not any(slot in self._slots for slot in slots) else slots

    def _refuse_starts(self, lost: Lost) -> None:
        """Give up where workers die again and again before they have reported.

        Raises:
            GanbenchError: they do, and no other worker runs.
        """
        self._failed_starts += 1
        if self._failed_starts >= _MAX_FAILED_STARTS and not any(slot.report for slot in self._slots):
            raise GanbenchError(f"[ray]: no worker can be started on the cluster: {lost.cause}")


def _is_fit(slot: _Slot) -> bool:
    return slot.report is not None and not slot.report.problems


def _suits(slot: _Slot, task: Task) -> bool:
    return slot.report is not None and slot.report.model == task.environment.device
