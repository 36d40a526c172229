"""The command line's first level: the names of the commands, their help, and `--version`.

Each command is declared in a module of its own, `ganbench/cli/NAME.py`, by a function `NAME_command`: its
parameters are the arguments and options, and it returns the exit code. The module is imported when the
command is named, and imports inside its functions what is slow: `ganbench list` must not pay for what
`ganbench run` needs, nor `--help` for either. A new command is such a module and an entry of COMMANDS.
`ganbench.cli.invocation` turns errors into lines and exit codes.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from ganbench.cli.parsing import Command, LightHelp
from ganbench.errors import GanbenchError, did_you_mean

COMMANDS: Mapping[str, str] = {
    "list": """What a grid can name, and the plugins that provide it.

KIND is architectures, losses, penalties, augmentations, datasets, metrics, extractors, optimizers, updates,
plugins or grids; without it, everything is listed.
""",
    "init": "A commented grid to begin with, in a new file.",
    "run": (
        "Train every combination of a grid, score it, write tables and a report; what is done already stays."
    ),
    "merge": "Join results folders of one grid, as shards are, into one; trains nothing.",
    "inspect": "What ganbench sees in a folder, archive, array or table, and the grid's line that reads it.",
    "show": "One entry: summary, formulas, options with types and defaults, who provides it.",
    "sample": "The first COUNT samples of a cell that were scored, or of given classes, conditions or noise.",
    "export": "A generator in a file that runs without ganbench, with a card that says what it takes.",
    "score": "Scores of images made elsewhere, with the same numbers as a run's.",
    "stats": "Mean and covariance of a data set's features in a file, for `score --reference FILE`.",
    "report": "Tables and report.html, again, from what is stored; with an option, only what it asks for.",
    "compare": (
        "Another question of the same results: another axis or baseline, some of the cells; trains nothing."
    ),
    "verify": "Run cells again, elsewhere, and compare weights and scores with those stored, bit by bit.",
    "check": """Whether samples are worse than a baseline's: 0 they are not, 1 they are, 3 seeds cannot tell.

\b
Per score, with what may be lost (the tolerance) and the level alpha:
identical     Every cell has the baseline's weights and scores, bit by bit.
regression    The mean is worse by more than the tolerance, and a one-sided
              test of "not worse" rejects at alpha, adjusted for the number
              of scores (Holm). Or a cell failed, where none did before.
improvement   The same, the other way.
pass          The mean is worse by less than the tolerance, with confidence
              1 - alpha.
inconclusive  None of these: too few seeds, or scores that vary too much.

The interval that is printed has 1 - 2 alpha (90%), since each of its ends is one test at alpha (5%). The
worst verdict of all scores is the exit code's. Tests take the seeds of both sides as independent (Welch).

--add-seeds N trains up to N seeds more, in up to three parts, and looks after each; the looks share alpha, so
that more looks make no more false regressions. As many of the baseline are added, from the folder of
--more-baseline, or trained too where its code is here and only its settings differ.
""",
    "rm": "Remove cells and make the tables anew, or a whole results folder; what is not ganbench's stays.",
    "new": "A plugin package to start from, which installs, trains and passes its contract.",
    "doctor": "Versions, devices, determinism, extractor weights, plugins; with --plugin, its contracts.",
}
"""The commands in the order of `ganbench --help`, each with its help; that shows the first paragraph."""


def declared(name: str) -> Any:
    """Import a command's module and make the command that its function declares."""
    module = importlib.import_module(f"ganbench.cli.{name}")
    made = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    settings = getattr(module, "SETTINGS", {})
    made.command(name, cls=Command, help=COMMANDS[name], **settings)(getattr(module, f"{name}_command"))
    return typer.main.get_command(made)


class Commands(LightHelp, TyperGroup):
    """The commands, each imported when it is named."""

    def list_commands(self, ctx: Any) -> list[str]:
        """List the names in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return the command; an unknown name is one line about it (an option is left to the parser)."""
        if cmd_name in COMMANDS:
            return declared(cmd_name)
        if not cmd_name.startswith("-"):
            raise GanbenchError(f"no such command {cmd_name!r}{did_you_mean(cmd_name, COMMANDS)}")
        return None

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the list of commands, for which their help is enough."""
        width = formatter.width - 6 - max(map(len, COMMANDS))
        rows = [(name, Command(name, help=text).get_short_help_str(width)) for name, text in COMMANDS.items()]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


app = typer.Typer(
    cls=Commands,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(help="Benchmarks for generative adversarial networks: fixed seeds, honest scores, tidy tables.")
def ganbench(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """Print the version, or the help where no command is named."""
    if version:
        from ganbench.catalog.distributions import ganbench_version

        typer.echo(f"ganbench {ganbench_version()}")
        raise typer.Exit(0)
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(0)
