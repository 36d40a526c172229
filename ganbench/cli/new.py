"""`ganbench new`: a plugin package to start from. A file of its own, as each command has."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Kind = Annotated[
    str,
    typer.Argument(metavar="KIND", help="loss, penalty, augmentation, architecture, dataset or metric."),
]
Name = Annotated[str, typer.Argument(metavar="NAME", help="Under which grids will name it.")]
Out = Annotated[Path | None, typer.Option(metavar="DIR", help="The folder to write; default: ganbench-NAME.")]


def new_command(kind: Kind, name: Name, out: Out = None) -> int:
    """Write a package, and say what to do with it.

    Raises:
        GanbenchError: the kind, the name or the folder cannot be used.
    """
    from ganbench.catalog import load_catalog
    from ganbench.cli.console import output, plain
    from ganbench.testing.new_package import write_package

    folder = write_package(kind, name, load_catalog(), out)
    console = output()
    for line in (
        f"{folder}: a package with the {kind} {name}",
        f"  cd {folder} && pip install -e '.[test]' && pytest",
        "  ganbench run grid.toml",
    ):
        console.print(plain(line), soft_wrap=True)
    return 0
