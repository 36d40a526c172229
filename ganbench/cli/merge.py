"""`ganbench merge DIR... --out DIR`: the shards of a grid in one results folder."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from ganbench.cli.console import output, plain, progress_console, warn
from ganbench.cli.parsing import Plugins


def merge_command(
    folders: Annotated[list[Path], typer.Argument(metavar="DIR...", help="Results folders of one grid.")],
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Where they are joined; what was merged there before counts.")
    ],
    keep_stale: Annotated[
        bool, typer.Option("--keep-stale", help="Join folders of different environments all the same.")
    ] = False,
    plugins: Plugins = None,
) -> int:
    """Join folders, write tables and report.html, and print the comparison.

    Raises:
        GanbenchError: they cannot be joined; nothing is written.
    """
    from ganbench.execution.merging import merge
    from ganbench.grid.cell import cells_counted
    from ganbench.report import print_comparison
    from ganbench.store import GRID, REPORT

    results = merge(
        folders, out, keep_stale=keep_stale, plugins=plugins or (), note=lambda text: warn([text])
    )
    print_comparison(results, output())
    counts = results.cells["status"].value_counts()
    told = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
    console = progress_console()
    console.print(
        plain(f"{cells_counted(len(results.cells))} in {out}: {told}; report: {results.path / REPORT}"),
        soft_wrap=True,
    )
    if counts.get("unfinished", 0):
        command = shlex.join(["ganbench", "run", str(out / GRID), "--out", str(out)])
        console.print(plain(f"go on with: {command}"), soft_wrap=True)
    return 0
