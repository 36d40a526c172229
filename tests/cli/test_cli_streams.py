"""Output that cannot be written ends no command and changes no exit code."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fabricated_results import Folder

from ganbench.__main__ import main
from ganbench.report import write_tables
from ganbench.store import Store

Stack = contextlib.ExitStack


def full(stack: Stack) -> Any:
    return stack.enter_context(open("/dev/full", "w"))


def closed(_: Stack) -> Any:
    with open(os.devnull, "w") as stream:
        return stream


def not_for_writing(stack: Stack) -> Any:
    """A stream whose descriptor was replaced without its knowledge."""
    stream = full(stack)
    with open(os.devnull) as other:
        os.dup2(other.fileno(), stream.fileno())
    return stream


def unread(stack: Stack) -> Any:
    reading, writing = os.pipe()
    os.close(reading)
    return stack.enter_context(open(writing, "w"))


def unbuffered(stack: Stack) -> Any:
    return io.TextIOWrapper(unread(stack).buffer.raw, write_through=True)


def absent(_: Stack) -> Any:
    """What pythonw has."""
    return None


WAYS = (full, closed, not_for_writing, unread, unbuffered, absent)


@pytest.fixture
def folders(make_folder: Callable[..., Folder]) -> dict[str, str]:
    """A baseline and results that are worse."""
    for name, worse in (("before", 0.0), ("after", 50.0)):
        folder = make_folder(name)
        for loss in ("minimax", "non_saturating"):
            for seed in range(3):
                scores = {"fid": 10.0 + seed + worse}
                weights = name[0] * 64
                folder.add(loss=loss, seed=seed, scores=scores, weights=weights, curves=False, picture=False)
        write_tables(Store(folder.path), folder.ids)
    return {name: str(folder.path.parent / name) for name in ("before", "after")}


COMMANDS = {
    "--help": 0,
    "--version": 0,
    "list": 0,
    "list --json": 0,
    "show r1": 0,
    "show nothing_of_the_kind": 2,
    "compare before": 0,
    "report before --format md": 0,
    "check before --baseline before": 0,
    "check after --baseline before": 1,
    "check --plan --baseline before": 0,
    "check before --baseline nowhere": 2,
    "run nowhere.toml": 2,
}


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_a_stream_that_cannot_be_written_changes_no_exit_code(
    way: Callable[[Stack], Any], folders: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for command, code in COMMANDS.items():
        arguments = [folders.get(word, word) for word in command.split()]
        alone = (["stdout"], ["stderr"]) if command in ("list", "show nothing_of_the_kind") else ()
        for names in (["stdout", "stderr"], *alone):
            with Stack() as stack, monkeypatch.context() as patched:
                streams = {name: way(stack) for name in names}
                for name, stream in streams.items():
                    patched.setattr(sys, name, stream)
                assert main(arguments) == code, (command, names)
                assert {name: getattr(sys, name) for name in names} == streams


def test_a_full_disk_is_said_where_it_can_be(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = {full: "ganbench: warning: stdout cannot be written: No space left on device\n", unread: ""}
    for way, line in said.items():
        with Stack() as stack:
            monkeypatch.setattr(sys, "stdout", way(stack))
            assert main(["list"]) == 0
            assert capsys.readouterr().err == line


@pytest.mark.slow
@pytest.mark.parametrize("descriptors", [(1,), (2,), (0, 1, 2)])
def test_closed_descriptors_lead_nowhere_else(descriptors: tuple[int, ...], tmp_path: Path) -> None:
    # Whatever is opened next takes a closed descriptor's place, and would receive what is printed.
    code = f"""
import os, sys
for descriptor in {descriptors}:
    os.close(descriptor)
os.execv(sys.executable, [sys.executable, "-c", '''
import os, sys
from ganbench.__main__ import main
code = main()
own = open({str(tmp_path / "own")!r}, "w")
assert own.fileno() > 2
os.write(1, b"to descriptor 1")
os.write(2, b"to descriptor 2")
sys.exit(code)
''', "show", "nothing_of_the_kind"])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert (tmp_path / "own").read_text() == ""
