"""Running one command line; errors that the user can mend become lines and an exit code."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence

import typer

from ganbench.cli.app import app
from ganbench.errors import GanbenchError, did_you_mean

BAD_INPUT = 2
INTERRUPTED = 130
# Commands that, called again, go on from where they were interrupted.
_GO_ON = ("run", "score", "stats")

# `typer.BadParameter` is public; its parents are click's, which typer has under another name in each version.
_ClickError: type[Exception] = typer.BadParameter.__mro__[2]


def invoke(arguments: list[str]) -> int:
    """Carry out a command.

    Args:
        arguments: those after the program's name.

    Returns:
        The exit code.

    Raises:
        Exception: any error that the user cannot mend.
    """
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
        goes_on = any(name in _GO_ON for name in arguments[:1])
        again = f"; go on with: {shlex.join(['ganbench', *arguments])}" if goes_on else ""
        _complain([f"interrupted{again}"])
        return INTERRUPTED
    _complain(problems)
    return BAD_INPUT


def _usage(error: Exception) -> str:
    """Say in one line what is wrong with a command line."""
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
