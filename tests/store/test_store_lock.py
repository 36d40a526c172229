from __future__ import annotations

import errno
import json
import os
import socket
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from ganbench.errors import StoreError
from ganbench.files.file_locks import marker_of
from ganbench.store.lock import HOLDER, LOCK, hold

HOLD = """
import sys
from pathlib import Path
from ganbench.store.lock import hold
with hold(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def holder(folder: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_the_second_is_told_who_holds_it_until_it_ends_however_it_ends(tmp_path: Path) -> None:
    for end in ("close", "kill"):
        with holder(tmp_path) as process:
            since = json.loads((tmp_path / HOLDER).read_text())["since"]
            with pytest.raises(StoreError) as caught, hold(tmp_path):
                pass
            expected = f"in use by another run (pid {process.pid} on {socket.gethostname()}, since {since})"
            assert str(caught.value) == f"{tmp_path}: {expected}"
            if end == "close":
                process.communicate()
            else:
                process.kill()
        with hold(tmp_path):
            assert json.loads((tmp_path / HOLDER).read_text())["pid"] == os.getpid()
        assert not (tmp_path / HOLDER).exists()


def test_a_holder_that_cannot_be_read_is_still_a_holder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ganbench.store.lock._PATIENCE_SECONDS", 0)
    with holder(tmp_path) as process:
        for content in ("", "[]", '{"pid": 1}', "[" * 100_000, "x" * 20_000):
            (tmp_path / HOLDER).write_text(content)
            with pytest.raises(StoreError, match=r"in use by another run$"), hold(tmp_path):
                pass
        process.communicate()


def test_an_exception_releases_it(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), hold(tmp_path):
        raise RuntimeError
    with hold(tmp_path):
        pass


def test_a_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be made"), hold(tmp_path / "file" / "results"):
        pass

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("filelock.FileLock.acquire", refuse)
    with pytest.raises(StoreError, match="cannot be locked: Permission denied"), hold(tmp_path):
        pass


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_has_a_file_for_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("fcntl.flock", refuse)
    monkeypatch.setattr("ganbench.store.lock._PATIENCE_SECONDS", 0)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for _ in range(2):
            with hold(tmp_path):
                with pytest.raises(
                    StoreError, match=r"in use by another run .*; if that run is gone, delete"
                ):
                    hold(tmp_path).__enter__()
                locks = [tmp_path / LOCK, marker_of(tmp_path / LOCK)]
                (marker,) = [path for path in locks if path.exists() and path.stat().st_size]
            assert not marker.exists()
    assert not said
    # A host that is gone cannot be asked.
    marker.write_text("1\nanother-host\n")
    with pytest.raises(StoreError, match=f"in use by another run; if that run is gone, delete {marker}$"):
        hold(tmp_path).__enter__()
    marker.unlink()
    with hold(tmp_path):
        pass
