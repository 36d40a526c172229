"""`ganbench init FILE`: a commented grid to begin with. A file of its own, as each command has."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

File = Annotated[
    Path, typer.Argument(metavar="[FILE.toml]", help="The file to write; its name is the grid's.")
]
From = Annotated[
    str,
    typer.Option("--from", metavar="NAME", help="The grid to copy: a name that `ganbench list grids` has."),
]
_NAME = re.compile(r'^name = "(?P<name>[^"]*)" *', re.MULTILINE)


def init_command(file: File = Path("grid.toml"), from_: From = "digits") -> int:
    """Copy a grid with its comments to a new file under the file's name, and say what to do with it.

    Raises:
        GanbenchError: there is no such grid, the file exists, or its name can be no grid's.
    """
    from ganbench.catalog import load_catalog
    from ganbench.catalog.plugin_reader import GRID_NAME
    from ganbench.cli.console import output, plain
    from ganbench.errors import GridError, did_you_mean
    from ganbench.files.atomic import write_bytes
    from ganbench.grid.bundled import bundled_grids

    catalog = load_catalog()
    grids = bundled_grids() | {name: grid.path for name, grid in catalog.grids.items()}
    if from_ not in grids:
        refused = catalog.refused("grid", from_)
        raise GridError(refused or f"--from: no grid is named {from_!r}{did_you_mean(from_, grids)}")
    if file.suffix != ".toml":
        raise GridError(f"FILE: must end in .toml, given {str(file)!r}")
    if not GRID_NAME.fullmatch(file.stem):
        raise GridError(f"FILE: {file.stem!r} can be no grid's name: letters, digits, '.', '_' and '-' only")
    if file.exists() or file.is_symlink():
        raise GridError(f"FILE: {file} exists; give another name")
    text = grids[from_].read_text(encoding="utf-8-sig")
    write_bytes(file, _renamed(text, file.stem).encode())
    console = output()
    for line in (
        f"{file}: a copy of the grid {from_}",
        f"  ganbench run {file} --dry-run  # what would be done",
        f"  ganbench run {file}  # results go to results/{file.stem}",
        "  ganbench list, ganbench show NAME  # what a grid can name, and the options of an entry",
    ):
        console.print(plain(line), soft_wrap=True)
    return 0


def _renamed(text: str, name: str) -> str:
    """Give a grid's text another name, and its comment about the folder of results too."""
    found = _NAME.search(text)
    if found is None:
        return f'name = "{name}"\n{text}'
    line = f'name = "{name}"'.ljust(len(found[0]) - 1)
    # The space is the comment's distance where the new name is longer.
    text = f"{text[: found.start()]}{line} {text[found.end() :]}"
    return text.replace(f"results/{found['name']}", f"results/{name}")
