from __future__ import annotations

import os
import sys
import threading

import pytest

from ganbench.files.standard_streams import guard_streams, lost_output


def test_what_can_be_written_is_written_and_the_streams_come_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reading, writing = os.pipe()
    with open(writing, "w", encoding="ascii") as stream, open(reading, "rb") as read:
        monkeypatch.setattr(sys, "stdout", stream)
        stream.write("before ")
        restore = guard_streams()
        assert sys.stdout is not stream
        assert sys.stdout.fileno() == stream.fileno()
        # As an ascii terminal gets it.
        print("within \u2207", end=" ")
        restore()
        assert sys.stdout is stream
        print("after")
        stream.flush()
        assert lost_output() is None
        assert read.read1() == b"before within \\u2207 after\n"


def test_a_pipe_that_does_not_block_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    received: list[bytes] = []

    def drain() -> None:
        with open(reading, "rb") as pipe:
            received.append(pipe.read())

    with open(writing, "w") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        restore = guard_streams()
        text = "x" * 300_000  # more than a pipe holds
        reader = threading.Timer(0.05, drain)
        reader.start()
        print(text, end="")
        restore()
        assert lost_output() is None
    reader.join()
    assert b"".join(received) == text.encode()
