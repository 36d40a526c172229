"""The slots of a Ray cluster: actors that are started, listened to and ended."""

from __future__ import annotations

import os
import pickle
import sys
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from ganbench.catalog.switches import VARIABLES
from ganbench.clusters.device_models import NodeModels
from ganbench.clusters.node_check import NodeCheck, NodeReport
from ganbench.clusters.ray_cluster import RayCluster
from ganbench.clusters.ray_settings import Needs, gpus_problem
from ganbench.clusters.ray_worker import RayWorker
from ganbench.execution.interpreter import interpreter_flags
from ganbench.execution.tries import Lost, TimeLimit
from ganbench.runner.task import Task

_POLL_SECONDS = 0.1
# How long an actor waits for its worker before it says that there is nothing new.
_LISTEN_SECONDS = 5.0
# How often nodes are counted that have joined or gone.
_COUNT_SECONDS = 10.0


class Kind(NamedTuple):
    """What a worker must have to run a task.

    Attributes:
        needs: what Ray sets aside for it.
        model: of its device.
    """

    needs: Needs
    model: str


@dataclass(eq=False)
class RaySlot:
    """An actor with its worker, and what it is doing.

    Attributes:
        needs: what Ray sets aside for it.
        model: of its device; until that is known, the one that it was started for, empty for any.
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
    model: str
    actor: Any
    hearing: Any
    node: str = ""
    node_id: str = ""
    report: NodeReport | None = None
    task: Task | None = None
    given: float = 0.0
    begun: float | None = None

    @property
    def kind(self) -> Kind:
        """Which tasks it is for."""
        return Kind(self.needs, self.model)


class RaySlots:
    """The actors of a run, those that wait for a node included.

    Attributes:
        all: in the order in which they were started.
        check: what a node is held against when its worker begins.
        models: of the nodes where workers have looked, by Ray's names of the nodes.
        unfit: nodes that lack what cells need of them.
    """

    def __init__(self, cluster: RayCluster, device: str) -> None:
        """Start none yet.

        Args:
            cluster: where actors are placed.
            device: where workers run cells, as torch names it there.
        """
        self._ray = cluster.ray
        self._cluster = cluster
        self._device = device
        self.all: list[RaySlot] = []
        self.check = NodeCheck()
        self.models = NodeModels()
        self.unfit: set[str] = set()
        self._rooms: dict[Needs, tuple[float, dict[str, int]]] = {}

    @property
    def busy(self) -> list[RaySlot]:
        """Those whose worker has a cell."""
        return [slot for slot in self.all if slot.task is not None]

    def room(self, needs: Needs, model: str = "") -> dict[str, int]:
        """Count the workers that fit on each node, by Ray's name of the node.

        Args:
            needs: of a worker.
            model: that a node must not be known to lack; any unless given.
        """
        counted, room = self._rooms.get(needs, (0.0, {}))
        if time.monotonic() > counted + _COUNT_SECONDS or not counted:
            room = self._cluster.room(needs)
            self._rooms[needs] = time.monotonic(), room
        models, unfit = self.models, self.unfit
        return {
            node: count
            for node, count in room.items()
            if node not in unfit and (not model or models.may_have(node, model))
        }

    def problem_of(self, kind: Kind) -> str:
        """Say why no worker can be of a kind that a grid asks for; empty where one can."""
        needs = kind.needs
        if self._device == "cpu" and needs.num_gpus:
            return (
                "[[override]] cluster.num_gpus: cells run on CPUs here; set num_gpus in [ray] of the "
                "cluster file above 0, or leave it out of the grid"
            )
        if problem := gpus_problem(needs.num_gpus):
            return f"[[override]] cluster.num_gpus: {problem}"
        if self.room(*kind):
            return ""
        on = f" with a {kind.model}" if self.room(needs) else ""
        there = self._cluster.described()
        return f"[[override]] cluster: no node{on} has {needs}, which a cell is to have; {there}"

    def start(self, needs: Needs, *, model: str = "", node: str = "") -> RaySlot:
        """Create an actor, which Ray places once there is room; its worker is asked to look at its node.

        Args:
            needs: what Ray sets aside for it.
            model: of the device that it is to have; it is kept from nodes that are known to have another.
            node: where it is to be, by Ray's name; anywhere unless given.
        """
        options = {"max_restarts": 0, "max_task_retries": 0, "max_concurrency": 2, **needs.options()}
        apart_from = self.unfit.union(self.models.without(model) if model else ())
        options |= self._cluster.placement(node, apart_from)
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
        slot = RaySlot(needs=needs, model=model, actor=actor, hearing=actor.node.remote())
        self.all.append(slot)
        return slot

    def dismiss(self, *slots: RaySlot) -> None:
        """End actors, and with them their workers."""
        for slot in slots:
            if slot in self.all:
                self.all.remove(slot)
            with suppress(Exception):
                # It may be gone, and so may the cluster.
                self._ray.kill(slot.actor)

    def give(self, slot: RaySlot, task: Task) -> None:
        """Let a worker run a cell."""
        slot.task, slot.given, slot.begun = task, time.monotonic(), None
        self._send(slot, [replace(task, device=self._device)])

    def ask(self, slot: RaySlot) -> None:
        """Let a worker look at its node again; its report comes when it has."""
        slot.report = None
        self._send(slot, (self.check, self._device))

    def stop(self) -> None:
        """Ask every worker that has a cell to write its checkpoint and end it."""
        for slot in self.busy:
            slot.actor.stop.remote()

    def hear(self, limit: TimeLimit | None) -> Iterator[tuple[RaySlot, object]]:
        """Wait a moment for what workers say.

        Args:
            limit: what a cell may take.

        Returns:
            Slots, each with an Event, a CellResult, a NodeReport, or, where its worker has ended or takes too
            long, a Lost.
        """
        by_reference = {slot.hearing: slot for slot in self.all}
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
                self.ask(slot)
                slot.hearing = slot.actor.listen.remote(_LISTEN_SECONDS)
                continue
            messages, ended = answer
            # Before anything is done with the messages: that may end the slot.
            if ended is None:
                slot.hearing = slot.actor.listen.remote(_LISTEN_SECONDS)
            for message in messages:
                said = pickle.loads(message)
                if isinstance(said, NodeReport):
                    slot.report, slot.model = said, said.model
                    if said.model:
                        self.models.add(slot.node_id, said.model, slot.node)
                    if said.problems:
                        self.unfit.add(slot.node_id)
                yield slot, said
            if ended is not None:
                cause, freed = ended
                yield slot, Lost(cause=cause, freed=freed)
        if limit is not None:
            for slot in self.busy:
                if reason := limit.exceeded(slot.given, slot.begun):
                    yield slot, Lost(reason=reason)

    def _lost(self, slot: RaySlot, error: Exception) -> Lost:
        """Say what a slot was lost by, from what Ray raises."""
        text = str(error)
        killed = isinstance(error, self._ray.exceptions.OutOfMemoryError) or "out of memory" in text.lower()
        there = {node["NodeID"] for node in self._cluster.nodes()}
        on = f" on node {slot.node}" if slot.node else ""
        cause = f"the loss of node {slot.node}" if slot.node_id and slot.node_id not in there else ""
        if killed:
            cause = f"Ray, which had to free memory{on}"
        elif not slot.node:
            lines = text.strip().splitlines() or ["no reason given"]
            cause = f"a failed start of its Ray actor: {lines[-1].strip()}"
        return Lost(cause=cause or f"the end of its Ray actor{on}", freed="Ray" if killed else "")

    def _send(self, slot: RaySlot, message: object) -> None:
        slot.actor.send.remote(pickle.dumps(message))


class WaitingTasks:
    """Tasks that no worker has yet, by what a worker must have for them; in order among equals."""

    def __init__(self, tasks: Iterable[Task], default: Needs) -> None:
        self._default = default
        self._tasks: dict[Kind, deque[Task]] = {}
        for task in tasks:
            self._tasks.setdefault(self._kind(task), deque()).append(task)

    def __bool__(self) -> bool:
        return any(self._tasks.values())

    def clear(self) -> None:
        """Forget all of them."""
        self._tasks.clear()

    def put_back(self, task: Task) -> None:
        """Put one that is to be tried again before its equals."""
        self._tasks.setdefault(self._kind(task), deque()).appendleft(task)

    def take(self, kind: Kind) -> Task | None:
        """Take the next one for a worker that has this; None where there is none."""
        tasks = self._tasks.get(kind)
        return tasks.popleft() if tasks else None

    def take_all(self, kinds: Iterable[Kind]) -> list[Task]:
        """Take every task of some kinds."""
        return [task for kind in kinds for task in self._tasks.pop(kind, ())]

    def kinds(self) -> Counter[Kind]:
        """Count the tasks by what a worker must have for them."""
        return Counter({kind: len(tasks) for kind, tasks in self._tasks.items() if tasks})

    def _kind(self, task: Task) -> Kind:
        said = task.cell.needs
        num_gpus = said.get("num_gpus", self._default.num_gpus)
        needs = replace(self._default, num_gpus=num_gpus, mem_gb=said.get("mem_gb", self._default.mem_gb))
        return Kind(needs, task.environment.device)
