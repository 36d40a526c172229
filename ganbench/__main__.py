"""Run the program: `ganbench`, or `python -m ganbench`.

Exit codes: 0 done; 1 and 3 are the commands' own; 2 bad input, one line for each problem; 130 interrupted; 70
an internal failure, with its traceback. Output that cannot be written changes none of them.
"""

from __future__ import annotations

import errno
import gc
import os
import signal
import sys
import traceback
from collections.abc import Sequence

from ganbench.execution.stopping import handled_signals
from ganbench.files.standard_streams import guard_streams, lost_output

INTERRUPTED = 130
# Objects made, less those freed, between two searches for garbage; Python's default is 700. What is imported
# is never garbage, and by default a quarter of the time of importing torch goes into looking through it.
_GARBAGE_THRESHOLD = 10_000
FAILED = 70  # EX_SOFTWARE of sysexits.h
# What ends a stream on purpose, as `| head` does, is not worth a word.
_INTENDED = (errno.EPIPE, errno.EBADF)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: those after the program's name; `sys.argv`'s unless given. Where they are given, this is a
            call in somebody's process, whose streams and environment are put back.

    Returns:
        The exit code; whatever goes wrong, nothing is raised.
    """
    restore = guard_streams()
    environment = dict(os.environ)
    if arguments is None:
        gc.set_threshold(_GARBAGE_THRESHOLD)
        # Until a run has its own handlers, and for the other commands: an end like that of Ctrl-C.
        for number in set(handled_signals()) - {signal.SIGINT}:
            signal.signal(number, signal.default_int_handler)
    try:
        return _run(sys.argv[1:] if arguments is None else list(arguments))
    finally:
        sys.stdout.flush()
        lost = lost_output()
        if lost is not None and lost.errno not in _INTENDED:
            print(f"ganbench: warning: stdout cannot be written: {lost.strerror or lost}", file=sys.stderr)
        if arguments is not None:
            # The program itself keeps them: Python flushes them once more at exit.
            restore()
            # Packages set variables when they are imported.
            os.environ.clear()
            os.environ.update(environment)


def _run(arguments: list[str]) -> int:
    try:
        # Here, so that an installation that cannot be imported is an internal failure too.
        from ganbench.cli.invocation import invoke

        return invoke(arguments)
    except KeyboardInterrupt:
        print("ganbench: error: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BaseException:  # also what a plugin's sys.exit() raises: its exit code would mean something else
        traceback.print_exc()
        return FAILED


if __name__ == "__main__":
    sys.exit(main())
