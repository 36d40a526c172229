"""Standard streams that raise nothing when they cannot be written.

They may be closed, on a full disk, a pipe that nobody reads any more, or a terminal that has gone away. A
program then loses what it would have printed there, and nothing else.
"""

from __future__ import annotations

import contextlib
import io
import os
import select
import sys
from collections.abc import Callable
from typing import Any, TextIO

_NAMES = ("stdout", "stderr")
# A formula must not end a command where the terminal's encoding lacks its characters.
_ERRORS = "backslashreplace"


class _ForgivingFile(io.RawIOBase):
    """A file that drops what it cannot write.

    Attributes:
        error: the last one.
    """

    def __init__(self, file: Any) -> None:
        self.error: OSError | None = None
        self._file = file

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return int(self._file.fileno())

    def isatty(self) -> bool:
        try:
            return bool(self._file.isatty())
        except (OSError, ValueError):
            return False

    def write(self, content: Any) -> int:
        left = memoryview(content).cast("B")
        size = len(left)
        try:
            while left:
                written = self._file.write(left)
                if written is None:
                    # The other end of the pipe made it non-blocking, and is behind.
                    select.select([], [self.fileno()], [])
                else:
                    left = left[written:]
        except OSError as error:
            self.error = error
        except ValueError as error:  # somebody closed it
            self.error = OSError(str(error))
        return size


def guard_streams() -> Callable[[], None]:
    """Let neither stdout nor stderr raise for what it cannot write.

    Descriptors that are closed lead to the null device afterwards: otherwise the next file to be opened would
    take their place, and receive what is printed.

    Returns:
        A function that puts the streams back as they were.
    """
    _open_descriptors()
    before = {name: getattr(sys, name) for name in _NAMES}
    guarded = {name: _guarded(stream) for name, stream in before.items()}
    for name, stream in guarded.items():
        setattr(sys, name, stream)

    def restore() -> None:
        for name, stream in guarded.items():
            if getattr(sys, name) is stream:
                stream.flush()
                setattr(sys, name, before[name])
                if before[name] is None:
                    stream.close()

    return restore


def lost_output() -> OSError | None:
    """Return the last error of the guarded stdout; None where all of it was written, or nothing guards it."""
    if not isinstance(sys.stdout, io.TextIOWrapper):
        return None
    file = getattr(sys.stdout.buffer, "raw", sys.stdout.buffer)
    return file.error if isinstance(file, _ForgivingFile) else None


def _open_descriptors() -> None:
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened == descriptor:
                os.set_inheritable(descriptor, True)
            else:
                os.dup2(opened, descriptor)
                os.close(opened)


def _guarded(stream: Any) -> TextIO:
    if stream is None:
        return open(os.devnull, "w", encoding="utf-8", errors=_ERRORS)
    buffer = getattr(stream, "buffer", None)
    raw = getattr(buffer, "raw", buffer)
    if not isinstance(stream, io.TextIOWrapper) or not isinstance(raw, io.RawIOBase):
        return stream  # type: ignore[no-any-return]  # a notebook's or a test's own
    with contextlib.suppress(OSError, ValueError):
        stream.flush()
    file: Any = _ForgivingFile(raw)
    return io.TextIOWrapper(
        # With PYTHONUNBUFFERED there is no buffer.
        file if buffer is raw else io.BufferedWriter(file),
        encoding=stream.encoding,
        errors=_ERRORS,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )
