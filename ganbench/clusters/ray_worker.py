"""The actor of a slot: it starts a worker process on its node, and passes bytes between it and the driver.

The cell runs in a process like those of the local executor, not in the actor: Ray sets threads and handlers
of its own, an actor that computes cannot be told to stop, and torch is imported once rather than twice.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from multiprocessing import Pipe

from ganbench.execution.interpreter import cause_of, freed_by, held_signals, oom_kills, start_interpreter


class RayWorker:
    """A worker process on the node of a Ray actor. It ends with the actor, whatever ends that."""

    def __init__(
        self,
        *,
        path: Sequence[str],
        arguments: Sequence[str],
        flags: Sequence[str],
        variables: Mapping[str, str | None],
        folder: str,
    ) -> None:
        """Start the process.

        Args:
            path: the driver's `sys.path`, which comes before the node's own.
            arguments: the driver's `sys.argv`.
            flags: of the driver's interpreter.
            variables: of the environment, over the node's own; None for one that is not set.
            folder: the driver's working folder; the actor's where the node has none of that name.
        """
        own = [entry for entry in sys.path if entry not in path]
        environment = {**os.environ, **{name: text for name, text in variables.items() if text is not None}}
        for name in (name for name, text in variables.items() if text is None):
            environment.pop(name, None)
        self._oom_kills = oom_kills()
        self._connection, theirs = Pipe()
        with theirs, held_signals():
            self._process = start_interpreter(
                theirs,
                path=[*path, *own],
                flags=flags,
                environment=environment,
                folder=folder if os.path.isdir(folder) else None,
            )
        self.send(pickle.dumps(list(arguments)))

    def node(self) -> tuple[str, str]:
        """Name the machine, and give Ray's id of the node."""
        import ray

        return socket.gethostname(), ray.get_runtime_context().get_node_id()

    def send(self, message: bytes) -> None:
        """Pass a pickled message on to the worker; one that is gone is found out by `listen`."""
        with contextlib.suppress(OSError):
            self._connection.send_bytes(message)

    def listen(self, seconds: float) -> tuple[list[bytes], tuple[str, str] | None]:
        """Wait for what the worker says.

        Args:
            seconds: how long, where it says nothing.

        Returns:
            Its messages, pickled; and, where it has ended, what ended it, and who did so for want of memory.
        """
        messages: list[bytes] = []
        try:
            if self._connection.poll(seconds):
                while self._connection.poll():
                    messages.append(self._connection.recv_bytes())
            # A process that a plugin has started may hold the pipe open.
            ended = self._process.poll() is not None and not self._connection.poll()
        except (EOFError, OSError):
            ended = True
        return messages, self._end() if ended else None

    def stop(self) -> None:
        """Ask the worker to write its checkpoint and end its cell."""
        self._process.terminate()

    def _end(self) -> tuple[str, str]:
        # Let it end by itself, so that its exit code is its own.
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1)
        code = self._process.returncode
        self._process.kill()
        return cause_of(code), freed_by(code, self._oom_kills)
