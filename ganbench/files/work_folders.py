"""Folders in which a command keeps what it has computed so far, so that its next call goes on from there.

They lie in the cache folder, named by a digest of everything that decides their content. A command that ends
well removes its own; those of commands that never came back are removed by a later one.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from filelock import BaseFileLock

from ganbench.errors import GanbenchError, StoreError
from ganbench.files.atomic import make_folder
from ganbench.files.cache import cache_folder
from ganbench.files.canonical import sha256_of
from ganbench.files.file_locks import take_lock

_KIND = "unfinished"
_KEPT = "features"
_LOCK_ENDING = ".lock"
_MAX_UNUSED_SECONDS = 7 * 24 * 3600
_MAX_CLAIMING_SECONDS = 10.0


class WorkFolders:
    """The work folders of one command, as a context.

    They are removed at its end, also where it refuses its input, and kept where it is interrupted or fails
    otherwise. Where there is no cache, or another process uses the folder, a temporary one takes its place,
    which is removed in any case.
    """

    def __init__(self) -> None:
        self._folder = cache_folder()
        self._held: list[tuple[Path, BaseFileLock]] = []
        self._temporary: list[Path] = []

    def __enter__(self) -> Self:
        self._remove_unused()
        return self

    def folder_of(self, key: Mapping[str, Any]) -> Path:
        """Give the folder of a key, with what an earlier command left in it.

        Args:
            key: JSON values; everything that decides the content.
        """
        if self._folder is not None:
            folder = self._folder / _KIND / sha256_of(key)
            with contextlib.suppress(StoreError):
                make_folder(folder.parent)
                if lock := _locked(folder):
                    self._held.append((folder, lock))
                    make_folder(folder)
                    return folder
        self._temporary.append(Path(tempfile.mkdtemp(prefix="ganbench-")))
        return self._temporary[-1]

    def kept_of(self, key: Mapping[str, Any]) -> Path | None:
        """Find where a copy of the folder of a key is kept beyond this command; None without a cache."""
        return None if self._folder is None else self._folder / _KEPT / sha256_of(key)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for folder in self._temporary:
            shutil.rmtree(folder, ignore_errors=True)
        for folder, lock in self._held:
            if error is None or isinstance(error, GanbenchError):
                _remove(folder, lock)
            else:
                lock.release()

    def _remove_unused(self) -> None:
        """Remove the folders of commands that ended long ago and did not come back."""
        place = None if self._folder is None else self._folder / _KIND
        with contextlib.suppress(OSError):
            for folder in list(place.iterdir()) if place is not None and place.is_dir() else []:
                if folder.is_dir() and _unused(folder) and (lock := _locked(folder)):
                    _remove(folder, lock)


def _unused(folder: Path) -> bool:
    last = max(path.stat().st_mtime for path in (folder, *folder.iterdir()))
    return time.time() - last > _MAX_UNUSED_SECONDS


def _locked(folder: Path) -> BaseFileLock | None:
    """Lock a folder by a file beside it; None where another process has it, or the file system refuses."""
    with contextlib.suppress(OSError, NotImplementedError), _claiming(folder.parent):
        return take_lock(_lock_file(folder), timeout=0)
    return None


def _remove(folder: Path, lock: BaseFileLock) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError, NotImplementedError), _claiming(folder.parent):
        _lock_file(folder).unlink(missing_ok=True)
    lock.release()


def _lock_file(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}{_LOCK_ENDING}")


@contextlib.contextmanager
def _claiming(place: Path) -> Iterator[None]:
    """Lock the place of all folders, for as long as a folder's lock is taken or its file removed.

    Else one process could hold a file that another has just removed, and a third make it anew.

    Raises:
        OSError, NotImplementedError: others claim without end, or the file system refuses.
    """
    lock = take_lock(place / _LOCK_ENDING, timeout=_MAX_CLAIMING_SECONDS)
    try:
        yield
    finally:
        lock.release()
