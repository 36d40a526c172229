"""What a job of a scheduler tells: a file that the job appends to and the driver reads.

The file lies in a results folder, which may come from anywhere: it is text, and holds nothing that runs.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ganbench.clusters.node_check import NodeReport
from ganbench.execution.tries import Lost
from ganbench.runner.events import CellBegun, CellNote, CellProgress, CellScored
from ganbench.runner.task import CellResult


@dataclass(frozen=True, kw_only=True)
class JobBegun:
    """A job has begun, or begun again.

    Attributes:
        node: its machine, as the scheduler names it.
        pid: of its process there.
    """

    node: str
    pid: int


@dataclass(frozen=True, kw_only=True)
class CellGiven:
    """A job has handed a cell to its worker.

    Attributes:
        cell: its id.
    """

    cell: str


@dataclass(frozen=True, kw_only=True)
class CellLost:
    """The worker of a job has died, or was ended, with a cell.

    Attributes:
        cell: its id.
        lost: how.
    """

    cell: str
    lost: Lost


@dataclass(frozen=True, kw_only=True)
class JobEnded:
    """A job ends as it should: its cells are done, or those that are not have checkpoints."""


_KINDS = (
    *(JobBegun, JobEnded, CellGiven, CellLost, CellResult, NodeReport),
    *(CellBegun, CellProgress, CellScored, CellNote),
)
_READERS: dict[str, TypeAdapter[Any]] = {kind.__name__: TypeAdapter(kind) for kind in _KINDS}


class JobLog:
    """A file of messages, one per line; what is not a whole line yet is left for later."""

    def __init__(self, file: Path) -> None:
        """Begin at the first message.

        Args:
            file: of a job; there may be none yet.
        """
        self._file = file
        self._read = 0

    def append(self, message: object) -> None:
        """Write a message down, at once.

        Args:
            message: a `JobBegun`, `JobEnded`, `CellGiven`, `CellLost`, `CellResult`, `NodeReport` or Event.
        """
        line = json.dumps([type(message).__name__, asdict(message)]).encode() + b"\n"  # type: ignore[call-overload]
        descriptor = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            # A job that was killed while it wrote has left half a line.
            if self._is_torn():
                os.write(descriptor, b"\n")
            os.write(descriptor, line)
        finally:
            os.close(descriptor)

    def news(self) -> list[object]:
        """Read the messages since the last call."""
        try:
            with self._file.open("rb") as stream:
                stream.seek(self._read)
                text = stream.read()
        except OSError:
            return []
        whole = text[: text.rfind(b"\n") + 1]
        self._read += len(whole)
        return [message for line in whole.splitlines() for message in _messages(line)]

    def is_empty(self) -> bool:
        """Tell whether its job has not begun."""
        try:
            return not self._file.stat().st_size
        except OSError:
            return True

    def _is_torn(self) -> bool:
        with self._file.open("rb") as stream:
            if not stream.seek(0, os.SEEK_END):
                return False
            stream.seek(-1, os.SEEK_END)
            return stream.read(1) != b"\n"


def _messages(line: bytes) -> list[object]:
    """Read a line; nothing where it is torn, or is no message."""
    try:
        kind, content = json.loads(line)
        return [_READERS[kind].validate_python(content)]
    except (ValueError, KeyError, TypeError, RecursionError, ValidationError):
        return []
