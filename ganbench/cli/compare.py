"""`ganbench compare DIR`: another comparison of the same results, without training."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from ganbench.cli.console import output, warn
from ganbench.cli.parsing import Folder, Plugins
from ganbench.errors import GanbenchError, did_you_mean


def compare_command(
    folder: Folder,
    axis: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="What to compare; loss,penalty: both as one; default: as the grid says."
        ),
    ] = None,
    baseline: Annotated[
        str | None, typer.Option(metavar="VALUE", help="As in cells.csv; default: the first.")
    ] = None,
    pairs: Annotated[
        str | None,
        typer.Option(metavar="baseline|all", help="Each value with the baseline, or each with each."),
    ] = None,
    where: Annotated[
        list[str] | None, typer.Option(metavar="AXIS=VALUE", help="Take these cells only; repeatable.")
    ] = None,
    metrics: Annotated[
        list[str] | None,
        typer.Option("--metric", metavar="NAME", help="Compare these scores only; repeatable."),
    ] = None,
    format_: Annotated[
        str, typer.Option("--format", metavar="table|md|latex|csv|json", help="How to print it.")
    ] = "table",
    plugins: Plugins = None,
) -> int:
    """Print the requested comparison; nothing is trained and nothing is written.

    Raises:
        GanbenchError: the folder holds no results, or not those that are requested.
    """
    from ganbench.analysis.context import compared
    from ganbench.analysis.recompare import recompare
    from ganbench.report import load
    from ganbench.report.exports import FORMATS
    from ganbench.report.terminal import print_answer
    from ganbench.store import Store

    if format_ != "table" and format_ not in FORMATS:
        raise GanbenchError(
            f"--format: no such format {format_!r}{did_you_mean(format_, ('table', *FORMATS))}"
        )
    results = load(folder, plugins=plugins or ())
    warn([results.part] if results.part else [])
    comparison, ranking = recompare(
        results.path,
        results.cells,
        results.scores,
        compared(Store(folder).grid()),
        axis=axis,
        baseline=baseline,
        pairs=pairs,
        where=where or (),
        metrics=metrics or (),
    )
    if format_ == "table":
        print_answer(comparison, ranking, output())
    else:
        sys.stdout.write(FORMATS[format_](comparison, ranking))
    return 0
