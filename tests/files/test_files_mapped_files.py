from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from weakref import WeakSet

import numpy as np
import pytest

from ganbench.files import mapped_files
from ganbench.files.mapped_files import map_array


def test_an_array_is_that_of_the_file_and_what_is_written_goes_there(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(30, 7))
    path = tmp_path / "values"
    path.write_bytes(values.tobytes())
    mapped = map_array(path, np.float64, (30, 7))
    assert np.array_equal(mapped, values)
    mapped -= 1
    assert np.array_equal(np.fromfile(path).reshape(30, 7), values - 1)
    path.unlink()
    assert np.array_equal(mapped, values - 1)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    with pytest.raises((OSError, ValueError)):
        map_array(tmp_path / "empty", np.float64, (1,))


@pytest.mark.skipif(sys.platform != "linux", reason="the system tells no resident bytes of a mapping")
class LateThread(threading.Thread):
    """Begins when the first pages are there, as on a busy machine."""

    def run(self) -> None:
        time.sleep(0.2)
        super().run()


@pytest.mark.parametrize("thread", [threading.Thread, LateThread])
def test_few_pages_stay_and_nothing_written_is_lost(
    thread: type[threading.Thread], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mapped_files.threading, "Thread", thread)
    monkeypatch.setattr(mapped_files, "MAX_RESIDENT_BYTES", 2**20)
    path = tmp_path / "values"
    path.write_bytes(bytes(2**24))
    mapped = map_array(path, np.float32, (2**22,))
    mapped += 1
    until = time.monotonic() + 30
    while resident_bytes(path) > 2**20 and time.monotonic() < until:
        time.sleep(0.01)
    assert resident_bytes(path) <= 2**20
    assert float(mapped.sum()) == len(mapped)
    del mapped
    while releasers() and time.monotonic() < until:
        time.sleep(0.01)
    # With the last array its thread ends too.
    assert not releasers()


def test_an_array_can_be_mapped_while_pages_are_let_go() -> None:
    class Mapping:
        let_go = False

        def madvise(self, _: int) -> None:
            self.let_go = True

    class Slow(WeakSet[Any]):
        """Lets another thread add a mapping, if it can, between the first one and the next."""

        def __iter__(self) -> Iterator[Any]:
            found = super().__iter__()
            yield next(found)
            adding.start()
            adding.join(0.1)
            yield from found

    releaser = mapped_files._Releaser()
    releaser._running = True
    first, second, third = Mapping(), Mapping(), Mapping()
    releaser._mappings = Slow([first, second])
    adding = threading.Thread(target=releaser.add, args=(third,))
    releaser._release()
    adding.join()
    assert first.let_go
    assert second.let_go
    assert len(releaser._mappings) == 3


def releasers() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "mapped pages"]


def resident_bytes(path: Path) -> int:
    lines = Path("/proc/self/smaps").read_text().splitlines()
    at = next(number for number, line in enumerate(lines) if line.endswith(str(path)))
    return 1024 * int(next(line for line in lines[at:] if line.startswith("Rss:")).split()[1])
