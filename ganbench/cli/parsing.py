"""Parts of the command line's parser that typer lacks, or has in some versions only; shared options."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperOption

from ganbench.errors import GanbenchError

Json = Annotated[bool, typer.Option("--json", help="Print an array of JSON objects.")]
Folder = Annotated[Path, typer.Argument(metavar="DIR", help="A results folder.")]
Best = Annotated[
    bool, typer.Option("--best", help="Of the weights that score.keep_best kept, not of the final ones.")
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")]
Jobs = Annotated[
    int | None, typer.Option(help="Workers; default: one per core, or per GPU, as quotas and memory allow.")
]
ScoreJobs = Annotated[
    int | None,
    typer.Option("--jobs", metavar="N", help="Batches computed side by side; default: one per core."),
]
ExtractorPrecision = Annotated[
    str,
    typer.Option("--extractor-precision", metavar="float32|bfloat16", help="Of the extractor's arithmetic."),
]
Data = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Where data sets are; default: $GANBENCH_DATA.")
]
Weights = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Another file of Inception weights; named as such.")
]
WeightsSha256 = Annotated[str | None, typer.Option(metavar="HEX", help="The SHA-256 of that file.")]

Plugins = Annotated[
    list[str] | None,
    typer.Option("--plugin", metavar="FILE", help="A plugin without a package, as my_loss.py; repeatable."),
]


class LightHelp:
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


class Command(LightHelp, TyperCommand):
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
        return self._parse_given(ctx, args, order)

    def _parse_given(self, ctx: Any, args: list[str], order: list[Any]) -> list[str]:
        """Leave repeatable options that are not given out of the parsing: they are undecided, too."""
        if any("--help" in parameter.opts for parameter in order):
            return super().parse_args(ctx, args)
        declared = self.params
        absent = [
            parameter
            for parameter in declared
            if isinstance(parameter, TyperOption) and parameter.multiple and parameter not in order
        ]
        self.params = [parameter for parameter in declared if parameter not in absent]
        try:
            rest = super().parse_args(ctx, args)
        finally:
            self.params = declared
        ctx.params.update({parameter.name: None for parameter in absent})
        return rest
