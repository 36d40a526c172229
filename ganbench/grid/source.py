"""The source of a grid, a file, a bundled name or a mapping, parsed and freed of what no grid can hold."""

from __future__ import annotations

import math
import os
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganbench.errors import GridError, did_you_mean
from ganbench.grid.bundled import bundled_grids
from ganbench.grid.problems import Problems, given

if TYPE_CHECKING:
    from ganbench.catalog import Catalog

MAX_BYTES = 1 << 20
# tomllib takes time that grows with the square of the parts of a dotted key; a list of numbers has dots too.
MAX_DOTS = 200
DEEPEST = 16
MAX_TEXT_CHARACTERS = 1000


def find(source: str | os.PathLike[str], catalog: Catalog | None = None, folder: Path | None = None) -> Path:
    """Find the file that a command's GRID argument means: a path, or the name of a grid.

    Args:
        source: the argument.
        catalog: has the grids of plugins; without it, the bundled ones alone are known.
        folder: where the caller has looked for a relative path already; the working folder unless given.

    Raises:
        GridError: it is neither.
    """
    text = os.fspath(source)
    named = bundled_grids()
    refused = ""
    if catalog is not None:
        named |= {name: grid.path for name, grid in catalog.grids.items()}
        refused = catalog.refused("grid", text)
    try:
        mode = os.stat(text).st_mode
    except (OSError, ValueError) as error:
        if text in named:
            return named[text]
        if refused:
            raise GridError(refused) from None
        if isinstance(error, ValueError | FileNotFoundError | NotADirectoryError):
            hint = did_you_mean(text, named)
            # A word alone is a bundled name written wrong; only a path was looked for in a folder.
            relative = bool(Path(text).suffix or os.path.dirname(text)) and not os.path.isabs(text)
            where = f" (looked in {folder or _working_folder()})" if relative else ""
            raise GridError(f"{given(text)} is neither a file nor a bundled grid{where}{hint}") from None
        raise GridError(f"{given(text)} cannot be read: {error.strerror}") from None
    if stat.S_ISREG(mode):
        return Path(text)
    if text in named:
        return named[text]
    if refused:
        raise GridError(refused)
    what = "a directory" if stat.S_ISDIR(mode) else "not a regular file"
    raise GridError(f"{text}: is {what}; a grid is a TOML file, or one of the bundled: {', '.join(named)}")


def _working_folder() -> str:
    try:
        return os.getcwd()
    except FileNotFoundError:
        return "a working folder that is gone"


def parse(path: Path, what: str = "a grid") -> dict[str, Any]:
    """Parse the file's content.

    Args:
        path: of the file.
        what: it should be, for messages.

    Raises:
        GridError: it cannot be read, is too long, not UTF-8, or not TOML; with the line where there is one.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise GridError(f"{path}: cannot be read: {error.strerror}") from None
    if len(content) > MAX_BYTES:
        raise GridError(f"{path}: is longer than {MAX_BYTES} bytes, so it is hardly {what}")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise GridError(f"{path}: is not UTF-8: byte {content[error.start]:#04x} on line {line}") from None
    return parse_text(text, str(path))


def parse_text(text: str, where: str) -> dict[str, Any]:
    """TOML, parsed.

    Raises:
        GridError: it is not TOML, or is built to be slow or deep.
    """
    for number, line in enumerate(text.splitlines(), start=1):
        if line.count(".") > MAX_DOTS:
            raise GridError(
                f"{where}: line {number} has more than {MAX_DOTS} dots; break it into several lines"
            )
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise GridError(f"{where}: is nested more than {DEEPEST} deep") from None
    except ValueError as error:
        # TOMLDecodeError is one; so is what int() says of thousands of digits.
        raise GridError(f"{where}: is not TOML: {error}") from None


def cleaned(table: Mapping[Any, Any], problems: Problems) -> dict[str, Any]:
    """Copy only tables, lists, text, booleans, 64-bit integers and finite floats; the rest is noted."""
    clean = _clean(table, "", 0, problems)
    return clean if isinstance(clean, dict) else {}


# Stands for a value that was noted as a problem.
_REFUSED = object()


def _clean(value: Any, at: str, depth: int, problems: Problems) -> Any:
    if isinstance(value, Mapping | list | tuple):
        if depth >= DEEPEST:
            problems.add(at[:80], f"is nested more than {DEEPEST} deep")
            return _REFUSED
        if isinstance(value, Mapping):
            return _clean_table(value, at, depth, problems)
        items = [_clean(item, f"{at}[{index}]", depth + 1, problems) for index, item in enumerate(value)]
        return [item for item in items if item is not _REFUSED]
    problem = _problem(value)
    if problem:
        problems.add(at, problem)
        return _REFUSED
    # Exactly these types: a caller in Python may hand over subclasses, such as numpy's float64.
    return next((kind(value) for kind in (str, bool, int, float) if isinstance(value, kind)), _REFUSED)


def _clean_table(table: Mapping[Any, Any], at: str, depth: int, problems: Problems) -> dict[str, Any]:
    clean: dict[str, Any] = {}
    for key, value in table.items():
        if not isinstance(key, str) or _problem(key) or not key.isprintable() or len(key) > 100:
            problems.add(at, f"has a key that is no name: {given(key)}")
            continue
        item = _clean(value, f"{at}.{key}" if at else key, depth + 1, problems)
        if item is not _REFUSED:
            clean[key] = item
    return clean


def _problem(value: Any) -> str:
    if isinstance(value, str):
        if len(value) > MAX_TEXT_CHARACTERS:
            return f"must be text of at most {MAX_TEXT_CHARACTERS} characters, given {len(value)}"
        if not value.isprintable():
            # Tabs and line ends would break tables; lone surrogates cannot be written at all.
            return f"must be printable text on one line, given {given(value)}"
        return ""
    if isinstance(value, bool):
        return ""
    if isinstance(value, int):
        return "" if -(2**63) <= value < 2**63 else "must be a number of at most 64 bits"
    if isinstance(value, float):
        return "" if math.isfinite(value) else f"must be a finite number, given {value}"
    return f"must be text, a number, true or false, a list or a table, given {given(value)}"
