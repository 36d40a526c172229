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
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from typing import Any

from ganbench.clusters.ray_settings import ADDRESS, Needs, RaySettings
from ganbench.errors import GanbenchError
from ganbench.execution.named_executor import require_package
from ganbench.execution.resources import resources_here, worker_count
from ganbench.execution.stopping import Interrupted, stop_signals

ANSWER_SECONDS = 10.0
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
    "import sys; from ray._raylet import GcsClient; print(flush=True); "
    "GcsClient(address=sys.argv[1]).internal_kv_keys(b'', b'')"
)
_AUTH_MODE = "RAY_AUTH_MODE"
_UNAUTHENTICATED = "AuthenticationError"
_FIND = (
    "from ray._private.services import canonicalize_bootstrap_address; "
    "print(canonicalize_bootstrap_address('auto') or '')"
)


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
        # Ray finds packages of its own by the first, draws from the second, and sets the third.
        self._before = list(sys.path), random.getstate(), sys.excepthook
        try:
            self._open(settings)
        except BaseException:
            self._give_back()
            raise

    def close(self) -> None:
        """Let go of it; a Ray that was started here ends."""
        if self._own and self.ray.is_initialized():
            with _kept_handlers():
                self.ray.shutdown()
        self._give_back()

    def _open(self, settings: RaySettings) -> None:
        address = None
        connected = getattr(sys.modules.get("ray"), "is_initialized", bool)()
        if settings.address is not None and not connected and find_spec("ray") is not None:
            # Before Ray is imported: it reads then whether it is to give a token.
            address = answering_address(settings.address)
        require_package("ray", "ray")
        import ray

        self.ray: Any = ray
        self._own = not ray.is_initialized()
        if self._own:
            with _kept_handlers(), _constants(ray, on_loopback=settings.address is None):
                _connect(ray, settings, address)

    def _give_back(self) -> None:
        """Put back what is the caller's."""
        path, state, hook = self._before
        sys.path[:] = path
        random.setstate(state)
        sys.excepthook = hook

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
    except Exception as error:
        # Where a machine is so busy that Ray has not begun in time, it raises no class of its own.
        with suppress(Exception):
            ray.shutdown()
        if isinstance(error, Interrupted):
            raise
        lines = str(error).strip().splitlines() or [type(error).__name__]
        where = settings.address or "this machine"
        raise GanbenchError(f"[ray] address: Ray at {where} cannot be used: {lines[0]}") from None


def _probed(address: str) -> subprocess.CompletedProcess[str]:
    """Ask a head node for something; Ray would end this process where it gets no answer."""
    command = [sys.executable, "-c", _PROBE, address]
    pipes: dict[str, Any] = {
        "stdin": subprocess.DEVNULL,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
    }
    with subprocess.Popen(command, text=True, **pipes) as probe:
        try:
            # Ray is imported there first, which takes a busy machine longer than the head node may take.
            probe.stdout.readline()  # type: ignore[union-attr]
            said, errors = probe.communicate(timeout=ANSWER_SECONDS)
        finally:
            probe.kill()
    return subprocess.CompletedProcess(command, probe.returncode, said, errors)


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
        raise GanbenchError(f"[ray] address: must be {ADDRESS}, given {address!r}")
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
