"""Writing a file so that a reader, at any moment and after any crash, sees all of it or none."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from ganbench.errors import StoreError

TEMPORARY_SUFFIX = ".tmp"
# As `_beside` makes them: the name, the process, and something random.
_TEMPORARY = re.compile(r"\.(.+)\.\d+\.[0-9a-f]+\.tmp")


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file: temporary file beside it, fsync, rename, fsync of the folder.

    Raises:
        StoreError: the file system refuses (full, read-only, folder gone); nothing is left behind.
    """
    write_stream(path, lambda stream: stream.write(content))


def write_stream(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write a file as `write_bytes` does, of what is too large to be held in memory twice.

    Args:
        path: the file.
        write: is given the open temporary file.

    Raises:
        StoreError: the file system refuses; nothing is left behind.
    """
    temporary = _beside(path)
    try:
        with open(temporary, "xb") as stream:
            write(stream)
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


def write_folder(path: Path, fill: Callable[[Path], object]) -> None:
    """Make a folder with everything in it, or none: filled beside its place, then renamed.

    The files are not forced to the disk one by one, so this is for what can be made again.

    Args:
        path: the folder; where it is there already, it has to be empty.
        fill: is given the temporary folder.

    Raises:
        StoreError: there is something in the folder, or the file system refuses; nothing is left behind.
    """
    place = path.resolve()
    temporary = _beside(place)
    try:
        there = place.exists()
        if there and (not place.is_dir() or any(place.iterdir())):
            raise StoreError(f"{path}: is there already, and is not an empty folder; give another one")
        place.parent.mkdir(parents=True, exist_ok=True)
        temporary.mkdir()
        fill(temporary)
        if there:
            place.rmdir()
        os.replace(temporary, place)
        sync_folder(place.parent)
    except BaseException as error:
        shutil.rmtree(temporary, ignore_errors=True)
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


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}{TEMPORARY_SUFFIX}")


def temporary_of(name: str) -> str | None:
    """Name the file that a temporary file of this module was to become; None for any other file."""
    match = _TEMPORARY.fullmatch(name)
    return None if match is None else match[1]
