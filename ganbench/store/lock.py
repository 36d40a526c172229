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

from filelock import FileLock, Timeout

from ganbench.errors import StoreError
from ganbench.files.atomic import make_folder, read_bytes, write_bytes

LOCK = ".lock"
HOLDER = ".holder.json"
# Between taking the lock and writing down who has it.
_PATIENCE_SECONDS = 1.0


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
    except (OSError, NotImplementedError) as error:
        reason = getattr(error, "strerror", None) or error
        raise StoreError(f"{folder}: cannot be locked: {reason}") from error
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


def _holder(folder: Path) -> str:
    """Who holds the lock, as far as the folder tells."""
    patience = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            holder = json.loads(read_bytes(folder / HOLDER, 10_000))
            return f"another run (pid {holder['pid']} on {holder['host']}, since {holder['since']})"
        except (StoreError, ValueError, KeyError, TypeError, RecursionError):
            if time.monotonic() > patience:
                return "another run"
            time.sleep(0.05)
