"""Regular files only: a pipe, a socket or a device at a user's path is refused instead of waited for."""

from __future__ import annotations

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def open_regular(path: str | os.PathLike[str]) -> BufferedReader:
    """Open a regular file for reading; links are followed.

    Never waits: a pipe without a writer would otherwise block for ever.

    Raises:
        OSError: the path cannot be opened, or is not a regular file; `strerror` says which.
    """
    # Looked at before it is opened: opening some devices has an effect.
    _require_regular(os.stat(path), path)
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        # And once more: another file may have taken its place in between.
        _require_regular(os.fstat(descriptor), path)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def irregular(path: Path) -> str:
    """Say what stands at a path in place of a regular file.

    Returns:
        A phrase that reads on after the path, as "is not a file but a named pipe"; empty for a regular file,
        and where there is nothing at all.
    """
    try:
        kind = kind_of(path.stat())
    except (OSError, ValueError):
        kind = "a link that leads nowhere" if path.is_symlink() else ""
    return f"is not a file but {kind}" if kind else ""


def kind_of(status: os.stat_result) -> str:
    """Name what is not a regular file, as "a named pipe"; empty for a regular file."""
    if stat.S_ISREG(status.st_mode):
        return ""
    return next((name for test, name in _KINDS if test(status.st_mode)), "something else")


def _require_regular(status: os.stat_result, path: str | os.PathLike[str]) -> None:
    if kind := kind_of(status):
        raise OSError(errno.EINVAL, f"not a file but {kind}", os.fspath(path))
