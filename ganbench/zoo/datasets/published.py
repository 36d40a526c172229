"""Published data sets: looked for in the data folder, downloaded and checked by torchvision."""

from __future__ import annotations

import http.client
import os
import queue
import shutil
import socket
import tarfile
import tempfile
import threading
import time
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from ganbench.errors import DatasetError
from ganbench.files.cache import cache_folder
from ganbench.files.data_paths import DATA_VARIABLE
from ganbench.files.download import IDLE_SECONDS, download
from ganbench.files.file_locks import waiting_lock
from ganbench.files.regular import irregular
from ganbench.zoo.datasets.layouts import Layout

SECONDS_TO_CONNECT = 10
_FAILURES = (
    OSError,
    RuntimeError,
    EOFError,
    zlib.error,
    tarfile.TarError,
    zipfile.BadZipFile,
    http.client.HTTPException,
)


def data_folder() -> Path | None:
    """Find GANBENCH_DATA, or `data` in ganbench's cache folder; None where there is neither."""
    named = os.environ.get(DATA_VARIABLE)
    if named:
        return Path(os.path.expanduser(named))
    cache = cache_folder()
    return None if cache is None else cache / "data"


def required_data_folder(name: str) -> Path:
    """Find the data folder.

    Args:
        name: of the data set that is to be there.

    Raises:
        DatasetError: there is none.
    """
    folder = data_folder()
    if folder is None:
        raise DatasetError(
            f"dataset {name!r}: there is no folder for it, since this user has no home; give --data FOLDER"
        )
    return folder


@dataclass(frozen=True, kw_only=True)
class Archive:
    """A file that torchvision downloads and unpacks.

    Attributes:
        path: where torchvision expects it, relative to the data folder.
        urls: where it can be had; each has the same file.
        md5: its digest, or None where torchvision has none.
    """

    path: str
    urls: Sequence[str]
    md5: str | None


@dataclass(frozen=True, kw_only=True)
class Published:
    """One data set that torchvision knows.

    Attributes:
        layout: where its files are.
        urls: where torchvision gets them; it is enough that one answers.
        md5s: torchvision's digests, by file.
        archives: what is downloaded before torchvision unpacks it; it downloads the rest itself.
        fetch: lets torchvision unpack everything into a folder, and download what is not there.
        elsewhere: another place where the caller has looked, for messages.
    """

    layout: Layout
    urls: Sequence[str]
    md5s: Mapping[str, str]
    fetch: Callable[[Path], object]
    archives: Sequence[Archive] = ()
    elsewhere: str = ""

    def folder(self) -> Path:
        """Find the data folder; its files are downloaded first where they are absent.

        Raises:
            DatasetError: they are not there and cannot be downloaded, or something else is in their place.
        """
        data = required_data_folder(self.layout.name)
        for file in self.layout.files:
            if not (data / file).is_dir():
                require_regular(self.layout.name, data / file)
        if not self._is_in(data):
            self.download(data)
        return data

    def download(self, data: Path) -> None:
        """Have everything downloaded; what comes whole is moved into the data folder.

        An attempt that fails leaves what has come of it, and the next one goes on from there.

        Raises:
            DatasetError: with the way to get it by hand.
        """
        timeout = socket.getdefaulttimeout()
        folder = data / f".download-{self.layout.name}"
        lock = folder.with_suffix(".lock")
        try:
            _require_answer(self.urls)
            socket.setdefaulttimeout(IDLE_SECONDS)
            data.mkdir(parents=True, exist_ok=True)
            # Of several commands that want the same data, one fetches them.
            with waiting_lock(lock):
                if not self._is_in(data):
                    self._fetch(folder, data)
        except _FAILURES as error:
            if not any(path.is_file() for path in folder.rglob("*")):
                shutil.rmtree(folder, ignore_errors=True)
            raise self._absent(data, " ".join(str(error).split())[-300:]) from error
        finally:
            socket.setdefaulttimeout(timeout)
            with suppress(OSError):
                lock.unlink()

    def _is_in(self, data: Path) -> bool:
        return all((data / file).exists() for file in self.layout.files)

    def _fetch(self, folder: Path, data: Path) -> None:
        """Download what is missing into a folder, have it unpacked, and move it into the data folder."""
        folder.mkdir(exist_ok=True)
        for archive in self.archives:
            download(archive.urls, folder / archive.path, wrong=partial(_wrong, archive))
        # Anew each time: torchvision takes a file that an earlier attempt unpacked in part for a whole one.
        with tempfile.TemporaryDirectory(prefix="unpacked-", dir=folder) as place:
            for archive in self.archives:
                linked = Path(place) / archive.path
                linked.parent.mkdir(parents=True, exist_ok=True)
                _link(folder / archive.path, linked)
            self.fetch(Path(place))
            for file in self.layout.files:
                target = data / file
                target.parent.mkdir(parents=True, exist_ok=True)
                if not target.exists():
                    os.replace(Path(place) / file, target)
        shutil.rmtree(folder, ignore_errors=True)

    @contextmanager
    def checked(self, data: Path) -> Iterator[None]:
        """Name the data set in errors that torchvision raises while it reads.

        Raises:
            DatasetError: a file is not the published one.
        """
        from torchvision.datasets.utils import check_integrity

        try:
            yield
        except RuntimeError as error:
            for file, md5 in self.md5s.items():
                if not check_integrity(data / file, md5):
                    raise damaged(
                        self.layout.name, data / file, "its MD5 is not the published one"
                    ) from error
            raise
        except OSError as error:
            raise DatasetError(f"dataset {self.layout.name!r}: cannot be read: {error}") from error

    def _absent(self, data: Path, reason: str) -> DatasetError:
        missing = next((file for file in self.layout.files if not (data / file).exists()), "")
        also = f" nor in {self.elsewhere}" if self.elsewhere else ""
        return DatasetError(
            f"dataset {self.layout.name!r} is not in {data} ({missing} is missing){also}, and the download "
            f"failed ({reason}); get it from: {self.layout.source}; put it in FOLDER as torchvision does "
            f"(FOLDER/{self.layout.files[0]}, ...) and give --data FOLDER"
        )


def _link(source: Path, target: Path) -> None:
    """Give a file a second name, or a copy where the file system has no such."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _wrong(archive: Archive, path: Path) -> str:
    """Say that a downloaded file is not the published one, or nothing."""
    from torchvision.datasets.utils import check_integrity

    return "" if check_integrity(path, archive.md5) else "its MD5 is not the published one"


def require_regular(name: str, path: Path) -> None:
    """Refuse a pipe, a device or a link that leads nowhere where a file of a data set should be.

    Args:
        name: the data set's.
        path: the file; it need not be there.

    Raises:
        DatasetError: it is something else.
    """
    if problem := irregular(path):
        raise DatasetError(f"dataset {name!r}: {path} {problem}")


def damaged(name: str, path: Path, why: str) -> DatasetError:
    """Make the error of a damaged file.

    Args:
        name: the data set's.
        path: the file.
        why: what is wrong with it.
    """
    return DatasetError(f"dataset {name!r}: {path} is damaged: {why}; delete it and get it again")


def _require_answer(urls: Sequence[str]) -> None:
    """Find out in good time whether there is any way to one of the servers.

    A socket's timeout bounds neither a name's resolution nor the number of addresses that are tried in turn.

    Raises:
        OSError: none of them answers.
    """
    answers: queue.SimpleQueue[Exception | None] = queue.SimpleQueue()
    for url in urls:
        threading.Thread(target=head_request, args=(url, answers), daemon=True).start()
    due = time.monotonic() + SECONDS_TO_CONNECT
    failure: Exception | None = None
    for _ in urls:
        try:
            failure = answers.get(timeout=max(due - time.monotonic(), 0.0))
        except queue.Empty:
            hosts = " nor ".join(dict.fromkeys(urlsplit(url).netloc for url in urls))
            raise TimeoutError(f"no answer from {hosts} within {SECONDS_TO_CONNECT} s") from failure
        if failure is None:
            return
    raise OSError(str(failure)) from failure


def head_request(url: str, answers: queue.SimpleQueue[Exception | None]) -> None:
    """Ask a server for a file's header; put None where it answers at all, else what went wrong."""
    request = urllib.request.Request(url, method="HEAD", headers={"User-Agent": "pytorch/vision"})
    try:
        with urllib.request.urlopen(request, timeout=SECONDS_TO_CONNECT):
            answers.put(None)
    except urllib.error.HTTPError:
        # It speaks; what it has to say of the files is torchvision's to find out.
        answers.put(None)
    except Exception as error:
        answers.put(error)
