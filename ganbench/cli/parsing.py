"""How a command line is parsed: what typer does not do by itself, or not in each of its versions."""

from __future__ import annotations

from collections import Counter
from typing import Any

from typer.core import TyperCommand, TyperGroup, TyperOption

from ganbench.errors import GanbenchError, did_you_mean


class _LightHelp:
    """A `--help` that is off unless given, rather than undecided.

    To decide what is undecided, some versions of typer import pydantic, which costs more than all the rest
    of `ganbench list`.
    """

    def get_help_option(self, ctx: Any) -> Any:
        """Return the option, with a default."""
        option = super().get_help_option(ctx)  # type: ignore[misc]
        if option is not None and option.default is None:
            option.default = False
        return option


class Commands(_LightHelp, TyperGroup):
    """A group whose error about an unknown command names the nearest one, whatever typer's version."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return the command; of an unknown name, one line about it (an option is left to the parser)."""
        command = super().get_command(ctx, cmd_name)
        if command is None and not cmd_name.startswith("-"):
            hint = did_you_mean(cmd_name, self.list_commands(ctx))
            raise GanbenchError(f"no such command {cmd_name!r}{hint}")
        return command


class Command(_LightHelp, TyperCommand):
    """A command that refuses an option given twice where it takes one value: typer would take the last."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments.

        Raises:
            GanbenchError: an option that takes one value is given more than once.
        """
        _, _, order = self.make_parser(ctx).parse_args(args=list(args))
        single = [
            max(parameter.opts, key=len)
            for parameter in order
            if isinstance(parameter, TyperOption) and not (parameter.multiple or parameter.is_flag)
        ]
        repeated = [(name, times) for name, times in Counter(single).items() if times > 1]
        if repeated:
            raise GanbenchError(
                *(f"{ctx.info_name}: {name} takes one value, given {times} times" for name, times in repeated)
            )
        return super().parse_args(ctx, args)
