"""Locks that wait, on file systems with locks and without."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import warnings
from pathlib import Path
from threading import Timer

import pytest

from ganbench.files import file_locks
from ganbench.files.file_locks import marker_of, waiting_lock

HOLD = """
import sys
from pathlib import Path
from ganbench.files.file_locks import waiting_lock
with waiting_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
    Path(sys.argv[1] + ".done").touch()
"""


def test_the_second_waits_for_the_first_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_locks, "MAX_WAIT_SECONDS", 0.05)
    command = [sys.executable, "-c", HOLD, str(tmp_path / "a.lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        assert first.stdin is not None
        assert first.stdout.readline() == "held\n"
        Timer(0.3, first.stdin.close).start()
        with waiting_lock(tmp_path / "a.lock"):
            assert (tmp_path / "a.lock.done").exists()


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_has_a_file_for_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("fcntl.flock", refuse)
    monkeypatch.setattr(file_locks, "MAX_WAIT_SECONDS", 0.1)
    lock = tmp_path / "a.lock"
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for _ in range(2):
            with waiting_lock(lock):
                (marker,) = [path for path in (lock, marker_of(lock)) if path.exists() and path.read_text()]
                with pytest.raises(OSError, match=f"another process holds {marker}; if that process is gone"):
                    waiting_lock(lock).__enter__()
            assert not marker.exists()
    assert not said
    # A process of this host that is gone holds nothing; one of another host cannot be asked.
    marker.write_text(f"{2**22 + 1}\n{os.uname().nodename}\n")
    with waiting_lock(lock):
        pass
    marker.write_text("1\nanother-host\n")
    with pytest.raises(OSError, match="delete the file"):
        waiting_lock(lock).__enter__()
