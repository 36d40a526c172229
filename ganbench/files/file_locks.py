"""Locks between processes, on file systems with locks and without."""

from __future__ import annotations

import errno
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import BaseFileLock, FileLock, SoftFileLock, Timeout

MAX_WAIT_SECONDS = 1800.0
"""How long `waiting_lock` waits where the existence of a file, which its process may leave, is the lock."""
# What a file system without locks answers; some network file systems say ENOLCK.
_NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)


def marker_of(path: Path) -> Path:
    """Name the file whose existence is the lock where there are no others.

    It is not the lock's own file, which an attempt to lock leaves behind.
    """
    return path.with_name(f"{path.name}.exists")


def take_lock(path: Path, *, timeout: float, as_long_as_held: bool = False) -> BaseFileLock:
    """Take a lock; on a file system without locks, the existence of a file is the lock.

    Such a file of a process that is gone is found to be free, unless the process was another host's.

    Args:
        path: of the lock's file.
        timeout: seconds that are waited for another process; 0 for none.
        as_long_as_held: whether a lock of the file system, which ends with its process, is waited for without
            end.

    Returns:
        The lock, to be released.

    Raises:
        filelock.Timeout: another process has it; its `lock_file` is the file.
        OSError, NotImplementedError: the file system refuses.
    """
    lock: BaseFileLock = FileLock(path)
    try:
        _acquire(lock, timeout, as_long_as_held)
    except (OSError, NotImplementedError) as error:
        if isinstance(error, Timeout) or getattr(error, "errno", errno.ENOSYS) not in _NO_LOCKS:
            raise
        lock = SoftFileLock(marker_of(path))
        lock.acquire(timeout=timeout)
    return lock


def _acquire(lock: BaseFileLock, timeout: float, as_long_as_held: bool) -> None:
    with warnings.catch_warnings():
        # filelock warns where it falls back to the existence of a file by itself.
        warnings.simplefilter("ignore", UserWarning)
        while True:
            try:
                lock.acquire(timeout=timeout)
                return
            except Timeout:
                # Where filelock has fallen back, it has changed the class of the lock.
                if not as_long_as_held or isinstance(lock, SoftFileLock):
                    raise


@contextmanager
def waiting_lock(path: Path) -> Iterator[None]:
    """Hold a lock, once no other process has it: however long that fetches or unpacks.

    Raises:
        OSError: on a file system without locks, another process has had it for half an hour; or the file
            system refuses.
    """
    try:
        lock = take_lock(path, timeout=MAX_WAIT_SECONDS, as_long_as_held=True)
    except Timeout as error:
        raise OSError(
            f"another process holds {error.lock_file}; if that process is gone, delete the file"
        ) from error
    try:
        yield
    finally:
        lock.release()
