"""What a worker frees stays with it: the next round finds its pages there."""

from __future__ import annotations

import functools
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from ganbench.execution.executor import Place
from ganbench.execution.freed_memory import keep_freed_memory
from ganbench.execution.worker_process import WorkerProcess

# Twenty rounds of 64 buffers of 1 MiB (numpy asks for huge pages from 4 MiB on): pages asked for so far.
FAULTS = """[
    bool([__import__("numpy").ones(2**17) for _ in range(64)])
    and __import__("resource").getrusage(0).ru_minflt
    for _ in range(20)
]"""
PAGES = 64 * 2**20 // 4096


def per_round(counts: list[int]) -> float:
    """Leave out the first five rounds."""
    return (counts[-1] - counts[5]) / (len(counts) - 6)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts pages as Linux does")
def test_a_worker_finds_the_pages_of_the_last_round_again() -> None:
    usual = subprocess.run(
        [sys.executable, "-c", f"print({FAULTS})"], check=True, capture_output=True, text=True
    )
    if per_round(eval(usual.stdout)) < PAGES / 4:
        pytest.skip("this system's allocator keeps them without being told")
    worker = WorkerProcess.start(Place.here("cpu"))
    try:
        asks: Any = SimpleNamespace(answer=functools.partial(eval, FAULTS))
        worker.connection.send((asks, {}))
        found = worker.connection.recv()
    finally:
        worker.end()
    assert per_round(found) < PAGES / 100


def test_an_older_glibc_is_told_what_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[int, int]] = []

    def mallopt(option: int, value: int) -> int:
        told.append((option, value))
        return int(option == -1 or value <= 2**25)

    monkeypatch.setattr("ctypes.CDLL", lambda name: SimpleNamespace(mallopt=mallopt))
    keep_freed_memory()
    assert told == [(-1, 2**28), (-3, 2**28), (-3, 2**25)]


@pytest.mark.parametrize("library", [SimpleNamespace(), OSError("none"), TypeError("no name")])
def test_without_glibc_nothing_is_told(monkeypatch: pytest.MonkeyPatch, library: object) -> None:
    def load(name: None) -> object:
        if isinstance(library, Exception):
            raise library
        return library

    monkeypatch.setattr("ctypes.CDLL", load)
    keep_freed_memory()
