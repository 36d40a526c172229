"""One run at a time in a results folder."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from ganbench.errors import StoreError
from ganbench.store.atomic import make_folder, read_bytes, write_bytes

LOCK = ".lock"
HOLDER = ".holder.json"


@contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Hold a results folder's lock; the operating system lets go of it however the process ends.

    Raises:
        StoreError: another run holds it (its pid, host and start are named), or the folder is not writable.
    """
    make_folder(folder)
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise StoreError(f"{folder}: in use by {_holder(folder)}") from None
    except OSError as error:
        raise StoreError(f"{folder}: cannot be locked: {error.strerror or error}") from error
    try:
        holder = {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "since": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        write_bytes(folder / HOLDER, json.dumps(holder).encode())
        yield
    finally:
        (folder / HOLDER).unlink(missing_ok=True)
        lock.release()


def _holder(folder: Path) -> str:
    """Who holds the lock, as far as the folder tells."""
    try:
        holder = json.loads(read_bytes(folder / HOLDER, 10_000))
        return f"another run (pid {holder['pid']} on {holder['host']}, since {holder['since']})"
    except (StoreError, ValueError, KeyError, TypeError):
        return "another run"
