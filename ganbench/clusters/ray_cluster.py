"""The Ray cluster of a run: its settings, the connection to it, and how many workers it has room for."""

from __future__ import annotations

import math
import os
import random
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field

from ganbench.clusters.cluster_file import ClusterSettings, Count
from ganbench.errors import GanbenchError
from ganbench.execution.named_executor import require_package
from ganbench.execution.resources import resources_here, worker_count
from ganbench.execution.stopping import stop_signals

ANSWER_SECONDS = 10.0
_GIB = 1 << 30
# The least that Ray takes; cells pass through the results folder.
_OBJECT_STORE_BYTES = 80 * 2**20
# Read when Ray is imported and again by what it starts: workers are not started by `uv run` with an
# environment of their own, and no statistics leave the machine.
_VARIABLES = {
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    # A Ray that is started here would let everything else go before its workers.
    "RAY_worker_niceness": "0",
}
# With it a Ray that is started here listens on the loopback interface alone, whatever the system.
_LOOPBACK = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
_PROBE = (
    "import sys; from ray._raylet import GcsClient; GcsClient(address=sys.argv[1]).internal_kv_keys(b'', b'')"
)
_AUTH_MODE = "RAY_AUTH_MODE"
_UNAUTHENTICATED = "AuthenticationError"
_FIND = (
    "from ray._private.services import canonicalize_bootstrap_address; "
    "print(canonicalize_bootstrap_address('auto') or '')"
)
# Ray counts in ten-thousandths, and gives a part of one GPU or whole ones.
_UNITS = 10_000
_CORES = "a number of CPU cores from 0.0001"
_GPUS = "a whole number of GPUs, or a part of one from 0.0001"
_ADDRESS = "HOST:PORT of the head node, or 'auto' for the Ray that this machine is a node of"


def gpus_problem(count: float) -> str:
    """Say what is wrong with a number of GPUs; empty where Ray can give so many to a cell."""
    fits = 1 / _UNITS <= count <= 1 or (count >= 0 and count == int(count))
    return "" if fits else f"must be {_GPUS}, given {count:g}"


def _gpus(count: float | None) -> float | None:
    if count is not None and (problem := gpus_problem(count)):
        raise ValueError(problem)
    return count


class RaySettings(ClusterSettings):
    """The table [ray] of a cluster file.

    Attributes:
        address: of the head node, or `auto`; None starts a Ray on this machine, for the run alone.
        num_cpus: cores that Ray sets aside for a cell; cells compute in one thread all the same.
        num_gpus: GPUs for a cell, as 0.25 for four cells on each; None for 1 where the cluster has GPUs,
            else 0. Cells run on the CPU where it is 0.
        slots: cells side by side at most; None for as many as fit.
    """

    table: ClassVar[str] = "ray"

    address: Annotated[str | None, Field(description=_ADDRESS)] = None
    num_cpus: Annotated[float, Field(ge=1 / _UNITS, le=10_000, description=_CORES)] = 1.0
    num_gpus: Annotated[float | None, AfterValidator(_gpus), Field(le=10_000, description=_GPUS)] = None
    slots: Count = None


@dataclass(frozen=True, kw_only=True)
class Needs:
    """What Ray sets aside for a cell.

    Attributes:
        num_cpus: cores.
        num_gpus: GPUs, or parts of one.
        mem_gb: gibibytes of memory; 0 for no claim.
    """

    num_cpus: float
    num_gpus: float
    mem_gb: float = 0.0

    def __str__(self) -> str:
        """Say what a node must have."""
        said = [f"{self.num_cpus:g} CPU{'s' * (self.num_cpus != 1)}"]
        said += [f"{self.num_gpus:g} GPU{'s' * (self.num_gpus != 1)}"] if self.num_gpus else []
        said += [f"{self.mem_gb:g} GiB of memory"] if self.mem_gb else []
        return ", ".join(said)

    def fit_into(self, resources: Mapping[str, float]) -> int:
        """Count the workers that fit side by side into what Ray says that a node has."""
        counts = [_units(resources.get("CPU", 0)) // _units(self.num_cpus)]
        gpus = int(resources.get("GPU", 0))
        if 0 < self.num_gpus < 1:
            # A worker's part is of one GPU: two GPUs hold four workers of 0.4, not five.
            counts.append(gpus * (_UNITS // _units(self.num_gpus)))
        elif self.num_gpus:
            counts.append(gpus // int(self.num_gpus))
        if self.mem_gb:
            counts.append(int(resources.get("memory", 0) / (self.mem_gb * _GIB)))
        return min(counts)

    def options(self) -> dict[str, Any]:
        """Give the options of a Ray actor that claims this."""
        claimed: dict[str, Any] = {"num_cpus": self.num_cpus, "num_gpus": self.num_gpus}
        return claimed | ({"memory": int(self.mem_gb * _GIB)} if self.mem_gb else {})


def _units(count: float) -> int:
    return int(count * _UNITS + 1e-6)


class RayCluster:
    """A connection to Ray, which this process has one of.

    Attributes:
        ray: its package.
    """

    def __init__(self, settings: RaySettings) -> None:
        """Connect, or start a Ray on this machine.

        Raises:
            GanbenchError: Ray is not installed, does not answer, or refuses.
        """
        for name, value in _VARIABLES.items():
            os.environ.setdefault(name, value)
        # Ray finds packages of its own by the first, and draws from the second; both are the caller's.
        self._before = list(sys.path), random.getstate()
        address = None
        if settings.address is not None and find_spec("ray") is not None:
            # Before Ray is imported: it reads then whether it is to give a token.
            address = answering_address(settings.address)
        require_package("ray", "ray")
        import ray

        self.ray: Any = ray
        self._own = not ray.is_initialized()
        if self._own:
            with _kept_handlers(), _constants(ray, on_loopback=settings.address is None):
                _connect(ray, settings, address)

    def close(self) -> None:
        """Let go of it; a Ray that was started here ends."""
        if self._own and self.ray.is_initialized():
            with _kept_handlers():
                self.ray.shutdown()
        path, state = self._before
        sys.path[:] = path
        random.setstate(state)

    def nodes(self) -> list[Mapping[str, Any]]:
        """List the nodes that are alive, as Ray describes them."""
        return [node for node in self.ray.nodes() if node["Alive"]]

    def has_gpus(self) -> bool:
        """Tell whether a node has a GPU."""
        return any(node["Resources"].get("GPU", 0) > 0 for node in self.nodes())

    def room(self, needs: Needs) -> dict[str, int]:
        """Count the workers that fit on each node that has room for any, by Ray's name of the node."""
        found = {node["NodeID"]: needs.fit_into(node["Resources"]) for node in self.nodes()}
        return {node: count for node, count in found.items() if count}

    def placement(self, node: str, apart_from: Collection[str]) -> dict[str, Any]:
        """Give the options of a Ray actor that is to be on one node, or not on some.

        Args:
            node: by Ray's name; empty for any.
            apart_from: nodes, likewise.
        """
        from ray.util.scheduling_strategies import (
            NodeAffinitySchedulingStrategy,
            NodeLabelSchedulingStrategy,
            NotIn,
        )

        if node:
            return {"scheduling_strategy": NodeAffinitySchedulingStrategy(node, soft=False)}
        others = [each for each in self.nodes() if each["NodeID"] in apart_from]
        # The label by which a node names itself has had two names.
        said = [(name, value, each["NodeID"]) for each in others for name, value in each["Labels"].items()]
        own = next((name for name, value, node in said if value == node), "")
        if not own:
            return {}
        names = NotIn(*(each["NodeID"] for each in others))  # type: ignore[no-untyped-call]
        return {"scheduling_strategy": NodeLabelSchedulingStrategy({own: names})}

    def described(self) -> str:
        """Say what the nodes have, for a sentence."""
        named = [
            f"{node['NodeManagerHostname']} has {node['Resources'].get('CPU', 0):g} CPUs, "
            f"{node['Resources'].get('GPU', 0):g} GPUs"
            for node in self.nodes()
        ]
        return "; ".join(named[:5]) + ("; ..." if len(named) > 5 else "")


def _connect(ray: Any, settings: RaySettings, address: str | None) -> None:
    common = {"log_to_driver": False, "logging_level": "critical"}
    try:
        if address is None:
            cores = worker_count(resources_here()).count
            wanted = math.ceil(settings.slots * settings.num_cpus) if settings.slots else 0
            with _blocked_signals():
                ray.init(
                    address="local",
                    num_cpus=max(cores, wanted, math.ceil(settings.num_cpus)),
                    include_dashboard=False,
                    object_store_memory=_OBJECT_STORE_BYTES,
                    **common,
                )
        else:
            ray.init(address=address, **common)
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        where = settings.address or "this machine"
        raise GanbenchError(f"[ray] address: Ray at {where} cannot be used: {error}") from None


def _probed(address: str) -> subprocess.CompletedProcess[str]:
    """Ask a head node for something; Ray would end this process where it gets no answer."""
    return subprocess.run(
        [sys.executable, "-c", _PROBE, address],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=ANSWER_SECONDS,
        text=True,
    )


def answering_address(
    address: str, probed: Callable[[str], subprocess.CompletedProcess[str]] = _probed
) -> str:
    """Return HOST:PORT of an address at which a head node answers.

    Ray itself waits longer, and ends the process where something else answers. Where the head node asks for a
    token, Ray is told by its variable to give one.

    Args:
        address: HOST:PORT, or `auto`.
        probed: asks a head node for something, in a process that ends with 0 where it answers.

    Raises:
        GanbenchError: none does within some seconds.
    """
    refused = f"[ray] address: no head node of Ray answers at {address} within {ANSWER_SECONDS:g} seconds"
    way_out = "start one there with `ray start --head`, or leave address out to run on this machine"
    found = address
    if address == "auto":
        found = subprocess.run(
            [sys.executable, "-c", _FIND], stdin=subprocess.DEVNULL, capture_output=True, text=True
        ).stdout.strip()
        if not found:
            raise GanbenchError(f"[ray] address: this machine is no node of a Ray; {way_out}")
    host, _, port = found.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536 or "/" in host:
        raise GanbenchError(f"[ray] address: must be {_ADDRESS}, given {address!r}")
    try:
        socket.create_connection((host.strip("[]"), int(port)), ANSWER_SECONDS).close()
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise GanbenchError(f"{refused} ({reason}); {way_out}") from None
    try:
        probe = probed(found)
        if probe.returncode and _UNAUTHENTICATED in probe.stderr and _AUTH_MODE not in os.environ:
            # `ray start` asks for a token wherever this user has one; `ray.init` gives it only if told to.
            os.environ[_AUTH_MODE] = "token"
            probe = probed(found)
    except subprocess.TimeoutExpired:
        raise GanbenchError(f"{refused}; {way_out}") from None
    if probe.returncode:
        said = (probe.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise GanbenchError(f"[ray] address: {address} does not answer as Ray does: {said}; {way_out}")
    return found


@contextmanager
def _kept_handlers() -> Iterator[None]:
    """Put the handlers of signals back, which Ray replaces where it can."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in stop_signals()}
    try:
        yield
    finally:
        for number, handler in before.items():
            if handler is not None:
                signal.signal(number, handler)


@contextmanager
def _blocked_signals() -> Iterator[None]:
    """Keep what reaches a whole terminal or job from the processes of a Ray that is started here.

    They inherit what is blocked here. SIGTERM is theirs: Ray ends them with it.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, set(stop_signals()) - {int(signal.SIGTERM)})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _constants(ray: Any, *, on_loopback: bool) -> Iterator[None]:
    """Set, while Ray connects, what it reads from the environment at its import, which may be long past."""
    from ray._private import ray_constants

    wanted: dict[str, Any] = {"RAY_ENABLE_UV_RUN_RUNTIME_ENV": False}
    before_variable = os.environ.get(_LOOPBACK)
    if on_loopback:
        os.environ[_LOOPBACK] = "0"
        wanted["ENABLE_RAY_CLUSTER"] = False
    before = {name: getattr(ray_constants, name, None) for name in wanted}
    for name, value in wanted.items():
        setattr(ray_constants, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(ray_constants, name, value)
        if before_variable is None:
            os.environ.pop(_LOOPBACK, None)
        else:
            os.environ[_LOOPBACK] = before_variable
