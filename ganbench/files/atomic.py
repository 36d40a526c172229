"""Writing a file so that a reader, at any moment and after any crash, sees all of it or none."""

from __future__ import annotations

import contextlib
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
        sync_folder(path.parent)
    except BaseException as error:
        # Also where a signal interrupts: a later run would have to clean up.
        with contextlib.suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError):
            raise StoreError(f"{path}: cannot be written: {error.strerror or error}") from error
        raise


def make_folder(path: Path, *, parents: bool = True) -> None:
    """Make a folder where there is none.

    Args:
        path: the folder.
        parents: whether to make those above it too.

    Raises:
        StoreError: the file system refuses.
    """
    try:
        path.mkdir(parents=parents, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{path}: cannot be made: {error.strerror or error}") from error


def read_bytes(path: Path, limit: int) -> bytes:
    """Read a file of at most `limit` bytes.

    Raises:
        StoreError: it cannot be read, is no plain file, or is larger than anything ganbench writes there.
    """
    try:
        if not path.is_file():
            # A pipe or a device in a folder from elsewhere would be read for ever.
            raise StoreError(f"{path}: {'not a file' if path.exists() else 'there is no such file'}")
        with open(path, "rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            if size > limit:
                raise StoreError(f"{path}: {size} bytes, at most {limit} expected")
            return stream.read()
    except (OSError, ValueError) as error:
        raise StoreError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
    except MemoryError as error:
        raise StoreError(f"{path}: cannot be read: larger than the memory") from error


def sync_folder(path: Path) -> None:
    """Make a rename survive a machine's loss; where a folder cannot be opened (Windows) there is no need.

    Raises:
        OSError: the file system refuses.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
