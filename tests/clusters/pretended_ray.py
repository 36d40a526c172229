"""A Ray of the test's own: it places actors on nodes of any device model, and cells are done at once."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from ganbench.clusters.node_check import NodeReport
from ganbench.clusters.ray_cluster import RayCluster
from ganbench.clusters.ray_settings import RaySettings
from ganbench.runner import Task
from ganbench.runner.events import CellBegun
from ganbench.runner.task import CellResult


@dataclass
class Node:
    """A node: its device model, empty where torch cannot use the device, and what Ray says that it has."""

    model: str
    resources: dict[str, float]
    alive: bool = True
    # What work of others takes of it.
    taken: dict[str, float] = field(default_factory=dict)


def node_id(name: str) -> str:
    """Name a node as Ray does."""
    return name.encode().hex().ljust(56, "0")


class RayError(Exception):
    """What Ray raises of an actor that is gone."""


class OutOfMemoryError(RayError):
    """What it raises of one that it has ended to free memory."""


class PretendedRay:
    """The part of Ray's package that ganbench uses.

    Attributes:
        asked: the options of each actor, in order.
        ran: cells and the nodes that ran them, in order.
        most: how many actors have had a node at a time.
        ends: what actors end by, in order, and what they have just been sent then.
        stuck: whether cells begin and do not end.
    """

    exceptions = SimpleNamespace(RayError=RayError, OutOfMemoryError=OutOfMemoryError)

    def __init__(self, **nodes: Node) -> None:
        self.machines = nodes
        self.actors: list[Actor] = []
        self.asked: list[dict[str, Any]] = []
        self.ran: list[tuple[str, str]] = []
        self.most = 0
        self.ends: list[tuple[type, RayError]] = []
        self.stuck = False

    def nodes(self) -> list[dict[str, Any]]:
        return [
            {
                "NodeID": node_id(name),
                "Alive": node.alive,
                "Resources": node.resources,
                "Labels": {"region": "here", "ray.io/node-id": node_id(name)},
                "NodeManagerHostname": name,
            }
            for name, node in self.machines.items()
        ]

    def remote(self, _: type) -> Any:
        return SimpleNamespace(options=lambda **options: SimpleNamespace(remote=self._actor(options)))

    def _actor(self, options: dict[str, Any]) -> Any:
        def make(**_: Any) -> Actor:
            self.asked.append(options)
            self.actors.append(Actor(self, options))
            return self.actors[-1]

        return make

    def wait(
        self, references: Sequence[Any], num_returns: int, timeout: float
    ) -> tuple[list[Any], list[Any]]:
        self._place()
        self.most = max(self.most, sum(bool(actor.name) for actor in self.actors))
        ready = [reference for reference in references if reference.is_ready()]
        return ready[:num_returns], []

    def get(self, reference: Any) -> Any:
        return reference.answer()

    def kill(self, actor: Actor) -> None:
        self.actors.remove(actor)

    def is_initialized(self) -> bool:
        return True

    def _place(self) -> None:
        for actor in self.actors:
            for name, node in self.machines.items():
                if not actor.name and node.alive and actor.may_be_on(name) and self._has_room(name, actor):
                    actor.name = name

    def _has_room(self, name: str, actor: Actor) -> bool:
        node = self.machines[name]
        for resource, option in (("CPU", "num_cpus"), ("GPU", "num_gpus")):
            used = sum(other.options[option] for other in self.actors if other.name == name)
            free = node.resources.get(resource, 0) - node.taken.get(resource, 0) - used
            if actor.options[option] > free + 1e-9:
                return False
        return True


class Reference:
    """An answer that is awaited."""

    def __init__(self, actor: Actor, is_ready: Any, answer: Any) -> None:
        self._actor, self._is_ready, self._answer = actor, is_ready, answer

    def is_ready(self) -> bool:
        return self._actor.is_lost() or bool(self._is_ready())

    def answer(self) -> Any:
        if self._actor.is_lost():
            raise self._actor.end or RayError("the actor is gone")
        return self._answer()


class Actor:
    """An actor with its worker."""

    def __init__(self, ray: PretendedRay, options: dict[str, Any]) -> None:
        self.ray, self.options, self.name = ray, options, ""
        self.end: RayError | None = None
        self._said: list[object] = []
        for method in ("node", "listen", "send", "stop"):
            setattr(self, method, SimpleNamespace(remote=getattr(self, f"_{method}")))

    def may_be_on(self, name: str) -> bool:
        strategy = self.options.get("scheduling_strategy")
        if strategy is None:
            return True
        if hasattr(strategy, "node_id"):
            return bool(strategy.node_id == node_id(name))
        (label,) = strategy.hard
        assert label.key == "ray.io/node-id"
        return node_id(name) not in label.operator.values

    def is_lost(self) -> bool:
        return self.end is not None or (bool(self.name) and not self.ray.machines[self.name].alive)

    def _node(self) -> Reference:
        return Reference(self, lambda: self.name, lambda: (self.name, node_id(self.name)))

    def _listen(self, _: float) -> Reference:
        def answer() -> Any:
            messages = [pickle.dumps(message) for message in self._said]
            self._said.clear()
            return messages, None

        return Reference(self, lambda: self._said, answer)

    def _send(self, message: bytes) -> None:
        model = self.ray.machines[self.name].model
        said = pickle.loads(message)
        if isinstance(said, list) and all(isinstance(each, Task) for each in said):
            # Ray's workers get their cells one by one.
            (said,) = said
        if isinstance(said, Task):
            self.ray.ran.append((said.cell.id, self.name))
        if self.ray.ends and isinstance(said, self.ray.ends[0][0]):
            self.end = self.ray.ends.pop(0)[1]
        elif isinstance(said, Task) and self.ray.stuck:
            self._said.append(CellBegun(cell=said.cell.id))
        elif isinstance(said, Task):
            status = "ok" if said.environment.device == model else "error"
            self._said.append(CellResult(cell=said.cell.id, status=status, scores={}))
        else:
            problems = () if model else (f"node {self.name}: torch cannot use it",)
            self._said.append(NodeReport(node=self.name, model=model, problems=problems))

    def _stop(self) -> None:
        """Write a checkpoint."""


class PretendedCluster(RayCluster):
    """A connection to it."""

    def __init__(self, ray: PretendedRay) -> None:
        self.ray = ray

    def __call__(self, settings: RaySettings) -> PretendedCluster:
        return self

    def close(self) -> None:
        """Leave it as it is."""
