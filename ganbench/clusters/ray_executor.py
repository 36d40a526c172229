"""Cells on a Ray cluster: an actor per slot, which starts a worker process on its node."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Sequence
from pathlib import Path

from ganbench.clusters.device_models import require_models, unplaced_note, unplaced_results
from ganbench.clusters.node_check import NodeCheck, NodeReport, refuse_unfit
from ganbench.clusters.ray_cluster import RayCluster
from ganbench.clusters.ray_settings import Needs, RaySettings
from ganbench.clusters.ray_slots import Kind, RaySlot, RaySlots, WaitingTasks
from ganbench.clusters.shared_folder import SharedFolder
from ganbench.clusters.signalled_executor import SignalledExecutor
from ganbench.errors import GanbenchError
from ganbench.execution.executor import Place
from ganbench.execution.named_executor import cluster_executors
from ganbench.execution.tries import Lost, Tries
from ganbench.runner.devices import THREADS
from ganbench.runner.events import CellBegun, CellNote, Event
from ganbench.runner.task import CellResult, Task
from ganbench.store import Store

_PATIENCE_SECONDS = 3.0
# A node may have to start Python over a network drive; a busy cluster may have to end other work.
_START_SECONDS = 300.0
# How long workers are waited for that Ray has not placed yet, where others are ready.
_PLACED_SECONDS = 30.0
# How long the user waits for workers until being told so.
_SILENT_SECONDS = 10.0
_MAX_FAILED_STARTS = 3
# How often the user hears that no worker has a cell.
_UNSERVED_SECONDS = 60.0
_WAY_OUT = "the same command goes on with them where a node has it"


class RayExecutor(SignalledExecutor):
    """Runs tasks on a Ray cluster; a dead worker, actor or node costs a cell one of two tries.

    Attributes:
        settings: the table [ray].
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
        super().__init__(max_seconds)
        self.settings = RaySettings.read(cluster, cluster_executors())
        self._cluster = RayCluster(self.settings)
        settings = self.settings
        gpus = settings.num_gpus
        if gpus is None:
            gpus = 1.0 if self._cluster.has_gpus() else 0.0
        self._device = "cuda:0" if gpus else "cpu"
        self._needs = Needs(num_cpus=settings.num_cpus, num_gpus=gpus)
        self._slots = RaySlots(self._cluster, self._device)
        self._models: list[str] = []
        self._failed_starts = 0
        self._notes: deque[str] = deque()

    @property
    def workers(self) -> str:
        """How many run side by side, and what bounds them."""
        room: dict[str, int] = {}
        for model in self._models or [""]:
            # A node that is not known yet may have any.
            room |= self._slots.room(self._needs, model)
        count = self.settings.slots or max(1, sum(room.values()))
        bound = "slots in the cluster file" if self.settings.slots else f"{self._needs} each"
        return f"{count} worker{'s' * (count != 1)} of Ray ({bound})"

    def places(self) -> list[Place]:
        """List a place for each worker that has started: those of the preferred device model first.

        Raises:
            GanbenchError: none fits, none starts, one's device cannot be used, or `device_models` has a
                model that no worker has.
        """
        if not self._slots.all:
            self._start_first()
            self._find_models()
            refuse_unfit([slot.report for slot in self._slots.all if slot.report is not None])
        workers = Counter(slot.model for slot in self._slots.all if slot.report is not None)
        allowed = self.settings.device_models
        if allowed:
            require_models(self.settings, sorted(self._slots.models.there()))
        # The most frequent one unless the file says; by name where two are.
        self._models = allowed or sorted(workers, key=lambda name: (-workers[name], name))[:1]
        return [
            Place(device=self._device, model=name, threads=THREADS)
            for name in self._models
            # Where there are fewer slots than models, workers of one make room for those of another.
            for _ in range(max(1, workers[name]))
        ]

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
        self._refuse_needs(waiting.kinds())
        shared = SharedFolder(Store(given[0].folder))
        shared.open()
        tries = Tries()
        try:
            self._check_nodes(NodeCheck.of(given, shared.token))
            for slot in self._slots.all:
                # Ray has not placed it yet.
                slot.model = slot.model or given[0].environment.device
            told = False
            served = time.monotonic()
            while waiting or self._slots.busy:
                if self.stopped is not None:
                    waiting.clear()
                    if not told:
                        told = True
                        self._slots.stop()
                    if self._is_out_of_patience:
                        return
                else:
                    self._start_missing(waiting)
                    self._hand_out(waiting)
                    if self._slots.busy:
                        served = time.monotonic()
                    elif time.monotonic() > served + _UNSERVED_SECONDS:
                        served = time.monotonic()
                        unplaced = waiting.take_all(self._nowhere(waiting.kinds()))
                        if unplaced:
                            self._slots.models.keep({node["NodeID"] for node in self._cluster.nodes()})
                            on_event(unplaced_note(unplaced, self._slots.models, _WAY_OUT))
                            yield from unplaced_results(unplaced, self._slots.models)
                        if models := sorted({kind.model for kind in waiting.kinds()}):
                            waited_for = ", ".join(models)
                            self._notes.append(
                                f"cells wait for a worker of Ray on a {waited_for}; Ctrl-C ends the run"
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
                task = waiting.take(slot.kind)
                if task is not None:
                    self._slots.give(slot, task)

    def _nowhere(self, kinds: Iterable[Kind]) -> list[Kind]:
        """List the kinds of tasks for which there are nodes, but none of their device model."""
        return [kind for kind in kinds if self._slots.room(kind.needs) and not self._slots.room(*kind)]

    def _refuse_needs(self, asked: Iterable[Kind]) -> None:
        """Refuse what no node can set aside for a cell.

        Raises:
            GanbenchError: a cell needs it.
        """
        problems = {self._slots.problem_of(kind) for kind in asked if kind.needs != self._needs} - {""}
        if problems:
            raise GanbenchError(*sorted(problems))

    def _start_missing(self, waiting: WaitingTasks) -> None:
        """Start workers for the cells that wait, and end idle ones that stand in the way of others."""
        wanted = waiting.kinds()
        for slot in tuple(self._slots.all):
            # One that has a node is about to report.
            idle = slot.task is None and (slot.report is not None or not slot.node)
            if wanted and idle and (not wanted[slot.kind] or slot.node_id in self._slots.unfit):
                self._slots.dismiss(slot)
        wanted.update(slot.kind for slot in self._slots.busy)
        for kind, count in wanted.items():
            self._start_up_to(min(count, self._fitting(kind)), kind)
        for kind, count in wanted.items():
            # Where the file says how many, a cluster that grows makes room for those that do not fit yet.
            if self.settings.slots and kind.needs == self._needs and self._fitting(kind):
                self._start_up_to(count, kind)

    def _fitting(self, kind: Kind) -> int:
        """Count the workers of one kind that fit; where every node has gone, one waits for the next."""
        return sum(self._slots.room(*kind).values()) if self._slots.room(kind.needs) else 1

    def _start_up_to(self, count: int, kind: Kind) -> None:
        """Start workers of one kind until there are so many, or as many as the file allows."""
        missing = count - sum(slot.kind == kind for slot in self._slots.all)
        if self.settings.slots and kind.needs == self._needs:
            there = sum(slot.needs == self._needs for slot in self._slots.all)
            missing = min(missing, self.settings.slots - there)
        for _ in range(missing):
            self._slots.start(kind.needs, model=kind.model)

    def _start_first(self) -> None:
        """Start the workers that fit, and wait until they have answered.

        Raises:
            GanbenchError: none fits, or none starts.
        """
        fit = sum(self._slots.room(self._needs).values())
        if not fit:
            raise GanbenchError(
                f"[ray]: no node has {self._needs}, which a cell is to have; {self._cluster.described()}"
            )
        for _ in range(min(fit, self.settings.slots or fit)):
            self._slots.start(self._needs)
        self._await_reports(tuple(self._slots.all))

    def _find_models(self) -> None:
        """Look for device models of the file on further nodes, and keep the workers that have one."""
        allowed = self.settings.device_models or ()
        models = self._slots.models
        if not set(allowed) <= models.there():
            unseen = [node for node in self._slots.room(self._needs) if not models.knows(node)]
            looking = tuple(self._slots.start(self._needs, node=node) for node in unseen)
            if looking:
                self._await_reports(looking)
            self._slots.dismiss(*(slot for slot in looking if slot.report is None))
        if allowed:
            self._slots.dismiss(*(slot for slot in self._slots.all if slot.model not in ("", *allowed)))
        if self.settings.slots:
            # The preferred model first.
            by_rank = sorted(
                (slot for slot in self._slots.all if slot.report is not None),
                key=lambda slot: allowed.index(slot.model) if slot.model in allowed else 0,
            )
            self._slots.dismiss(*by_rank[self.settings.slots :])

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
        """Wait until workers have reported: all that still live and have a node, and one at least.

        Raises:
            GanbenchError: none does.
        """
        begun = time.monotonic()
        told = False
        while self.stopped is None:
            awaited = [slot for slot in slots if slot.report is None and slot in self._slots.all]
            if not awaited:
                return
            for slot, said in self._slots.hear(self._limit):
                if isinstance(said, Lost):
                    self._slots.dismiss(slot)
                    self._refuse_starts(said)
                    slots = (*slots, self._slots.start(slot.needs))
            waited = time.monotonic() - begun
            if waited > _SILENT_SECONDS and not told:
                told = True
                self._say(f"waiting for workers of Ray, for {_START_SECONDS:g} seconds at most")
            some = any(slot.report is not None for slot in self._slots.all)
            # Other work may keep the nodes of the rest busy for hours.
            if some and waited > _PLACED_SECONDS and not any(slot.node for slot in awaited):
                return
            if waited > _START_SECONDS:
                if some:
                    return
                raise GanbenchError(
                    f"[ray]: no worker has begun within {_START_SECONDS:g} seconds; the cluster may be busy "
                    f"with other work: {self._cluster.described()}"
                )

    def _refuse_starts(self, lost: Lost) -> None:
        """Give up where workers die again and again before they have reported.

        Raises:
            GanbenchError: they do, and no other worker runs.
        """
        self._failed_starts += 1
        if self._failed_starts >= _MAX_FAILED_STARTS and not any(slot.report for slot in self._slots.all):
            raise GanbenchError(f"[ray]: no worker can be started on the cluster: {lost.cause}")
