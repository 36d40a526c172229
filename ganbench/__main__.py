"""The program: runs a command and turns what goes wrong into lines and exit codes.

0 done; 1 and 3 are the commands' own; 2 bad input, one line for each problem; 130 interrupted. What is not
the user's to mend is a bug, and shows its traceback.
"""

from __future__ import annotations

import os
import shlex
import signal
import sys
from collections.abc import Sequence

import typer

from ganbench.cli.app import app
from ganbench.errors import GanbenchError, did_you_mean
from ganbench.execution.stopping import handled_signals

INTERRUPTED = 130
_OUTPUT_CLOSED = 141  # what a shell reports of a program that SIGPIPE ended

# `typer.BadParameter` is public; its parents are click's, which typer has under another name in each version.
_UsageError: type[Exception] = typer.BadParameter.__mro__[1]
_ClickError: type[Exception] = typer.BadParameter.__mro__[2]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: those after the program's name; `sys.argv`'s unless given.

    Returns:
        The exit code.
    """
    if arguments is None:
        # Until a run has its own handlers, and for the other commands: an end like that of Ctrl-C.
        for number in set(handled_signals()) - {signal.SIGINT}:
            signal.signal(number, signal.default_int_handler)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # A formula must not end `ganbench show` where the terminal's encoding lacks its characters.
            stream.reconfigure(errors="backslashreplace")
    try:
        code = _run(sys.argv[1:] if arguments is None else list(arguments))
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        if _stdout_is_open():
            raise  # some other pipe: a bug
        # Python flushes stdout once more at exit, and would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _OUTPUT_CLOSED


def _run(arguments: list[str]) -> int:
    # Not `app()`: it would replace sys.excepthook, and turn some exceptions into others.
    command = typer.main.get_command(app)
    try:
        with command.make_context("ganbench", arguments) as context:
            return int(command.invoke(context) or 0)
    except typer.Exit as exit_:
        return exit_.exit_code
    except GanbenchError as error:
        problems = error.problems
    except _ClickError as error:
        problems = (_usage(error),)
    except (KeyboardInterrupt, typer.Abort):
        again = f"; go on with: {shlex.join(['ganbench', *arguments])}" if "run" in arguments[:1] else ""
        _complain([f"interrupted{again}"])
        return INTERRUPTED
    _complain(problems)
    return 2


def _usage(error: Exception) -> str:
    """One line about a command line that cannot be parsed."""
    context = getattr(error, "ctx", None)
    option = getattr(error, "option_name", None)
    if context is not None and option is not None and hasattr(error, "possibilities"):
        valid = [name for parameter in context.command.get_params(context) for name in parameter.opts]
        message = f"no such option {option!r}{did_you_mean(option, [*valid, '--help'])}"
    else:
        text = " ".join(error.format_message().split()).rstrip(".")  # type: ignore[attr-defined]
        message = text[:1].lower() + text[1:]
    path = context.command_path if context is not None else "ganbench"
    command = path.removeprefix("ganbench").strip()
    return f"{command}: {message}" if command else message


def _complain(problems: Sequence[str]) -> None:
    for problem in problems:
        print(f"ganbench: error: {problem}", file=sys.stderr)


def _stdout_is_open() -> bool:
    try:
        sys.stdout.write("\n")
        sys.stdout.flush()
    except BrokenPipeError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
