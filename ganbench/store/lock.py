"""One run at a time in a results folder."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from filelock import BaseFileLock, Timeout

from ganbench.errors import StoreError
from ganbench.files.atomic import make_folder, read_bytes, write_bytes
from ganbench.files.file_locks import take_lock

LOCK = ".lock"
HOLDER = ".holder.json"
# Between taking the lock and writing down who has it.
_PATIENCE_SECONDS = 1.0


@contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Hold a results folder's lock; the operating system lets go of it however the process ends.

    On a file system without such locks the existence of a file is the lock, which outlives a host that is
    gone.

    Raises:
        StoreError: another run holds it (its pid, host and start are named), or the folder is not writable.
    """
    make_folder(folder)
    lock = _acquired(folder)
    try:
        holder = {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "since": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        write_bytes(folder / HOLDER, json.dumps(holder).encode())
        yield
    finally:
        with contextlib.suppress(OSError):
            (folder / HOLDER).unlink()
        lock.release()


@contextmanager
def hold_to_read(folder: Path) -> Iterator[None]:
    """Keep runs out of a results folder that is only read; it need not be writable.

    Raises:
        StoreError: a run holds it.
    """
    if os.access(folder, os.W_OK):
        with hold(folder):
            yield
        return
    # Whoever may write there leaves this file while a run goes on, and after one that was killed.
    if (folder / HOLDER).exists():
        raise StoreError(f"{folder}: in use by {_holder(folder)}, or left by it")
    yield


def _acquired(folder: Path) -> BaseFileLock:
    try:
        return take_lock(folder / LOCK, timeout=0)
    except Timeout as error:
        locks = Path(error.lock_file)
        # A lock of the operating system has no content, and goes with its process.
        gone = f"; if that run is gone, delete {locks}" if _is_marker(locks) else ""
        raise StoreError(f"{folder}: in use by {_holder(folder)}{gone}") from None
    except (OSError, NotImplementedError) as error:
        reason = getattr(error, "strerror", None) or error
        raise StoreError(f"{folder}: cannot be locked: {reason}") from error


def _is_marker(path: Path) -> bool:
    """Tell whether the existence of this file is the lock."""
    try:
        return path.stat().st_size > 0
    except OSError:
        return False


def _holder(folder: Path) -> str:
    """Name the process that holds the lock, as far as the folder tells."""
    patience = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            holder = json.loads(read_bytes(folder / HOLDER, 10_000))
            return f"another run (pid {holder['pid']} on {holder['host']}, since {holder['since']})"
        except (StoreError, ValueError, KeyError, TypeError, RecursionError):
            if time.monotonic() > patience:
                return "another run"
            time.sleep(0.05)
