"""`ganbench report DIR`: tables and page, again, from what is stored; or parts of them in other forms."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ganbench.catalog import Catalog, load_catalog
from ganbench.cli.console import output, plain, warn
from ganbench.cli.parsing import Folder, Plugins
from ganbench.errors import GanbenchError, did_you_mean

if TYPE_CHECKING:
    from ganbench.report import Results

# From here on browsers give up on a page.
_MAX_MIB = 500.0


def report_command(
    folder: Folder,
    figures: Annotated[
        Path | None, typer.Option(metavar="OUT", help="Write each figure there as PNG and SVG.")
    ] = None,
    format_: Annotated[
        str | None, typer.Option("--format", metavar="md|latex|csv|json", help="Print the comparison so.")
    ] = None,
    tensorboard: Annotated[
        Path | None, typer.Option(metavar="OUT", help="Write curves and scores there as event files.")
    ] = None,
    pictures: Annotated[
        float | None, typer.Option(metavar="MIB", help="Of samples, on the page; default: 6.")
    ] = None,
    plugins: Plugins = None,
) -> int:
    """Write the tables and report.html of a results folder and print the comparison, or export parts of it.

    No plugin is needed, nothing is trained, and damaged cells are named rather than fatal. With any of the
    options, what it asks for is made and nothing is written in `folder`.

    Raises:
        GanbenchError: an impossible number of MiB, or one without a page; there is no such format, nothing
            to compare, or no package `tensorboard`.
        StoreError: the folder holds no results, or something cannot be written.
    """
    from ganbench.report import load
    from ganbench.report.exports import FORMATS, writer_class

    export = figures is not None or format_ is not None or tensorboard is not None
    if pictures is not None:
        if export:
            raise GanbenchError("--pictures: is about report.html, which is not made beside other options")
        if not 0 <= pictures <= _MAX_MIB:
            raise GanbenchError(f"--pictures: must be from 0 to {_MAX_MIB:g} MiB, given {pictures:g}")
    if not export:
        return _page(folder, pictures, load_catalog(plugins=plugins or ()))
    # All that can be known to be wrong, before anything is written.
    if format_ is not None and format_ not in FORMATS:
        raise GanbenchError(f"--format: no such format {format_!r}{did_you_mean(format_, FORMATS)}")
    if figures is not None and tensorboard is not None and figures.resolve() == tensorboard.resolve():
        raise GanbenchError(f"--tensorboard {tensorboard}: is where the figures go; give another folder")
    if tensorboard is not None:
        writer_class()
    results = load(folder, plugins=plugins or ())
    warn([results.part] if results.part else [])
    if format_ is not None and results.comparison.empty:
        raise GanbenchError(
            f"--format {format_}: nothing to compare in {folder}: "
            "the compared axis has fewer than two values with scores"
        )
    _export(results, figures, tensorboard)
    if format_ is not None:
        sys.stdout.write(FORMATS[format_](results.comparison, results.ranking))
    return 0


def _page(folder: Path, pictures: float | None, catalog: Catalog) -> int:
    from ganbench.report import print_comparison, write_page, write_tables
    from ganbench.report.embedded_images import DEFAULT_MIB
    from ganbench.store import Store

    store = Store(folder)
    results = write_tables(store, catalog=lambda: catalog)
    page = write_page(store, results, pictures_mib=DEFAULT_MIB if pictures is None else pictures)
    console = output()
    print_comparison(results, console)
    console.print(plain(f"Report: {page}"), soft_wrap=True)
    return 0


def _export(results: Results, figures: Path | None, tensorboard: Path | None) -> None:
    """Write what goes into folders, and say so on stderr: stdout may be a table for another program."""
    from ganbench.report.exports import write_events, write_figures

    said: list[str] = []
    if figures is not None:
        count, problems = write_figures(results, figures)
        said += [f"{count} figures, each as PNG and SVG: {figures}", *_missing(problems)]
    if tensorboard is not None:
        count, problems = write_events(results, tensorboard)
        said += [f"{count} runs; show them with: tensorboard --logdir {tensorboard}", *_missing(problems)]
    for line in said:
        print(plain(line).plain, file=sys.stderr)


def _missing(problems: Iterable[str]) -> list[str]:
    return [f"left out: {problem}" for problem in problems]
