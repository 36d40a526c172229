"""A process that has imported ganbench and, for each line it reads, becomes the program in a fork.

So what takes five seconds to import is imported once for all runs of a file. Nothing but imports has happened
before a fork: no plugin was loaded, no thread begun. Reads and writes JSON.
"""

from __future__ import annotations

import atexit
import functools
import gc
import importlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from ganbench.__main__ import main

IMPORTED = ("torch", "torch._dynamo", "ganbench.cli.run", "ganbench.execution.grid_run", "ganbench.report")


@functools.cache
def _ready() -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, __file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        # Read when the libraries are imported; and one begins no threads, which a fork would lose.
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )

    def end() -> None:
        process.communicate()

    atexit.register(end)
    return process


def run_program(
    arguments: Sequence[str], environment: Mapping[str, str], folder: Path
) -> subprocess.CompletedProcess[str]:
    """Run `ganbench` with these arguments and variables; what it prints goes through files in a folder."""
    streams = {name: str(folder / f"printed-{name}") for name in ("out", "err")}
    process = _ready()
    assert process.stdin is not None
    assert process.stdout is not None
    request = {"arguments": list(arguments), "environment": dict(environment), **streams}
    try:
        print(json.dumps(request), file=process.stdin, flush=True)
        code = json.loads(process.stdout.readline())
    except BaseException:
        # Its answer would be taken for that to the next request.
        process.kill()
        _ready.cache_clear()
        raise
    out, err = (Path(path).read_text() for path in streams.values())
    return subprocess.CompletedProcess(["ganbench", *arguments], code, out, err)


def _become(request: Mapping[str, Any]) -> None:
    for number, path in enumerate((os.devnull, request["out"], request["err"])):
        flags = os.O_RDWR | (os.O_CREAT | os.O_TRUNC if number else 0)
        os.dup2(os.open(path, flags), number)
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.path[1:1] = request["environment"].get("PYTHONPATH", "").split(os.pathsep)
    sys.argv = ["ganbench", *request["arguments"]]
    code = 70
    try:
        code = main()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def serve() -> None:
    """Answer each request with the exit code of the program."""
    for name in IMPORTED:
        importlib.import_module(name)
    from undrawn import undraw

    undraw(pytest.MonkeyPatch())
    # Forks leave alone what they share.
    gc.freeze()
    for line in sys.stdin:
        child = os.fork()
        if not child:
            _become(json.loads(line))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)
    # Else triton complains of what it could not free.
    gc.unfreeze()


if __name__ == "__main__":
    serve()
