"""Writing a file so that a reader, at any moment and after any crash, sees all of it or none."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from ganbench.errors import StoreError

TEMPORARY_SUFFIX = ".tmp"


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file: temporary file beside it, fsync, rename, fsync of the folder.

    Raises:
        StoreError: the file system refuses (full, read-only, folder gone); nothing is left behind.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}{TEMPORARY_SUFFIX}")
    try:
        with open(temporary, "xb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
        _sync_folder(path.parent)
    except OSError as error:
        temporary.unlink(missing_ok=True) if temporary.parent.is_dir() else None
        raise StoreError(f"{path}: cannot be written: {error.strerror or error}") from error


def make_folder(path: Path) -> None:
    """Make a folder and its parents.

    Raises:
        StoreError: the file system refuses.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{path}: cannot be made: {error.strerror or error}") from error


def read_bytes(path: Path, limit: int) -> bytes:
    """Read a file of at most `limit` bytes.

    Raises:
        StoreError: it cannot be read, or is larger than anything ganbench writes there.
    """
    try:
        if path.stat().st_size > limit:
            raise StoreError(f"{path}: {path.stat().st_size} bytes, at most {limit} expected")
        return path.read_bytes()
    except OSError as error:
        raise StoreError(f"{path}: cannot be read: {error.strerror or error}") from error


def _sync_folder(path: Path) -> None:
    """Make a rename survive a machine's loss; where a folder cannot be opened (Windows) there is no need."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
