"""Files beside a grid that could provide what it names.

They are parsed, never imported: apart from the reader of grids, since this reads Python.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from ganbench.catalog.kinds import SPECS

if TYPE_CHECKING:
    from ganbench.catalog import Catalog, Kind

_MAX_FILES = 200
_MAX_BYTES = 1 << 20


def plugin_beside(grid: Path, kind: Kind, name: str, catalog: Catalog) -> str:
    """Say which file in a grid's folder defines a name that is unknown, as the end of a message.

    Args:
        grid: the grid's file.
        kind: what the name is to be.
        name: as the grid has it.
        catalog: has the files that are given already.

    Returns:
        Empty where none does, or where the catalog knows why the name cannot be used.
    """
    if any(entry.kind == kind for entry in catalog.find(name)):
        return ""
    read = {Path(plugin.file) for plugin in catalog.given}
    for path in _files(grid.parent):
        if path.absolute() not in read and _defines(path, kind, name):
            return f"; {path.name} beside the grid defines it; add --plugin {path}"
    return ""


def _files(folder: Path) -> Iterator[Path]:
    try:
        found = sorted(islice(folder.glob("*.py"), _MAX_FILES))
    except OSError:
        return
    yield from found


def _defines(path: Path, kind: Kind, name: str) -> bool:
    """Tell whether a file makes a spec of this kind with this name."""
    try:
        if not path.is_file() or path.stat().st_size > _MAX_BYTES:
            return False
        source = path.read_bytes()
        if b"ganbench" not in source or name.encode() not in source:
            return False
        with warnings.catch_warnings():
            # Of an invalid escape sequence, which is its author's business.
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
    except (OSError, SyntaxError, ValueError, RecursionError):
        return False
    spec = SPECS[kind].__name__
    return any(
        isinstance(call, ast.Call)
        and spec in (getattr(call.func, "id", ""), getattr(call.func, "attr", ""))
        and any(
            keyword.arg == "name" and isinstance(keyword.value, ast.Constant) and keyword.value.value == name
            for keyword in call.keywords
        )
        for call in ast.walk(tree)
    )
