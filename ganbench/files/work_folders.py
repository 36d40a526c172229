"""Folders in which a command keeps what it has computed so far, so that its next call goes on from there.

They lie in the cache folder, named by a digest of everything that decides their content. A command that ends
well removes its own; those of commands that never came back are removed by a later one.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from filelock import FileLock, Timeout

from ganbench.errors import GanbenchError, StoreError
from ganbench.files.atomic import make_folder
from ganbench.files.cache import cache_folder
from ganbench.files.canonical import sha256_of

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
        self._held: list[tuple[Path, FileLock]] = []
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


def _locked(folder: Path) -> FileLock | None:
    """Lock a folder by a file beside it; None where another process has it, or there are no locks."""
    lock = FileLock(folder.with_name(f"{folder.name}{_LOCK_ENDING}"))
    try:
        with warnings.catch_warnings(), _claiming(folder.parent):
            # filelock warns where it falls back to the existence of a file, which outlives a process.
            warnings.simplefilter("error", UserWarning)
            lock.acquire(blocking=False)
    except Exception:  # a lock that is taken, or a file system that has none or refuses, in its own words
        return None
    return lock


def _remove(folder: Path, lock: FileLock) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError, Timeout), _claiming(folder.parent):
        Path(lock.lock_file).unlink(missing_ok=True)
    lock.release()


def _claiming(place: Path) -> FileLock:
    """Lock the place of all folders, for as long as a folder's lock is taken or its file removed.

    Else one process could hold a file that another has just removed, and a third make it anew.
    """
    return FileLock(place / _LOCK_ENDING, timeout=_MAX_CLAIMING_SECONDS)
