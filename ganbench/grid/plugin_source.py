"""A digest of a plugin's source: of every file of its packages, wherever and however they are installed."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import warnings
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from importlib import metadata
from pathlib import Path, PurePosixPath

from ganbench.catalog.distributions import GROUP

_DIGITS = 16
_BYTECODE = (".pyc", ".pyo")
# What an editable installation leaves beside the packages, and a marker that decides nothing.
_NOT_SOURCE = (".pth", ".egg-link")
_MARKERS = ("py.typed", ".DS_Store")
_METADATA = (".dist-info", ".egg-info", ".data")


@lru_cache
def source_digest(distribution: str) -> str:
    """Digest every file of a distribution's packages: names and content, data files as well as modules.

    Bytecode, hidden folders, the metadata of the installation and `py.typed` are left out. A wheel and an
    editable installation of the same source have the same digest.

    Returns:
        Sixteen hexadecimal digits of a SHA-256.

    Raises:
        importlib.metadata.PackageNotFoundError: it is not installed.
    """
    return _digest(_files(metadata.distribution(distribution)))


@lru_cache
def modules_digest(distribution: str) -> str:
    """Digest the Python files alone, of the packages that the entry points name.

    That is all that `source_digest` covered in ganbench 0.1.0; records of that time are compared with it.

    Raises:
        importlib.metadata.PackageNotFoundError: it is not installed.
    """
    found = metadata.distribution(distribution)
    modules, files = _entry_modules(found), _files(found)
    return _digest(
        {
            name: path
            for name, path in files.items()
            if name.endswith(".py")
            and name.split("/")[0] in {*modules, *(f"{module}.py" for module in modules)}
        }
    )


def forget_sources() -> None:
    """Read the files anew from here on: a plugin may have been edited since."""
    source_digest.cache_clear()
    modules_digest.cache_clear()


def _digest(files: Mapping[str, Path]) -> str:
    digest = hashlib.sha256()
    for name, path in sorted(files.items()):
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            # Listed by the installer and removed since.
            continue
        # Lengths, so that no two sets of files run together to the same bytes.
        digest.update(f"{len(name)} {len(content)} {name}".encode(errors="surrogateescape"))
        digest.update(content)
    return digest.hexdigest()[:_DIGITS]


def _files(distribution: metadata.Distribution) -> dict[str, Path]:
    """List the files by their path relative to the folder that holds their package."""
    listed = {
        file.as_posix(): Path(str(file.locate()))
        for file in distribution.files or ()
        if _is_source(file.as_posix())
    }
    modules = _entry_modules(distribution)
    if all(_is_listed(module, listed) for module in modules):
        return listed
    # An editable installation lists its metadata only; so does one without a list.
    found: dict[str, Path] = dict(listed)
    beside = {place.parent.resolve() for module in modules for place in _places(module)}
    # In a folder of installed packages, what lies beside a package is another distribution's.
    shared = {folder for folder in beside if len(list(folder.glob("*.dist-info"))) > 1}
    waiting = [*modules, *_declared(distribution)]
    seen: set[str] = set()
    while waiting:
        module = waiting.pop()
        if module in seen:
            continue
        seen.add(module)
        own = _on_path(module)
        found |= own
        waiting += [
            name
            for name in sorted(set(_imported(path for name, path in own.items() if name.endswith(".py"))))
            if any(place.parent.resolve() in beside - shared for place in _places(name))
        ]
    return found


def _is_listed(module: str, files: Iterable[str]) -> bool:
    return any(name == f"{module}.py" or name.startswith(f"{module}/") for name in files)


def _entry_modules(distribution: metadata.Distribution) -> set[str]:
    """List the top-level packages and modules that the entry points name."""
    return {point.module.split(".")[0] for point in distribution.entry_points if point.group == GROUP}


def _declared(distribution: metadata.Distribution) -> list[str]:
    """List the top-level packages that the installer declares; not every installer does."""
    return (distribution.read_text("top_level.txt") or "").split()


def _is_source(name: str) -> bool:
    """Tell whether a file of an installation belongs to one of its packages."""
    path = PurePosixPath(name)
    *folders, last = path.parts
    if path.is_absolute() or ".." in folders or last in _MARKERS or path.suffix in _BYTECODE:
        return False
    if any(folder.startswith(".") or folder == "__pycache__" for folder in folders):
        return False
    top = path.parts[0]
    return not (top.endswith(_METADATA) or top.startswith("__editable__") or (not folders and _is_link(last)))


def _is_link(name: str) -> bool:
    return name.endswith(_NOT_SOURCE) or name.startswith("_editable_impl_")


def _places(module: str) -> list[Path]:
    """List the folders of an importable package, or the file of a module; empty where there is none."""
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return []
    if spec is None:
        return []
    if spec.submodule_search_locations:
        return [Path(folder) for folder in spec.submodule_search_locations]
    return [Path(spec.origin)] if spec.has_location and spec.origin else []


def _on_path(module: str) -> dict[str, Path]:
    """List the files of an importable module."""
    files: dict[str, Path] = {}
    for place in _places(module):
        if place.is_dir():
            inside = (path for path in place.rglob("*") if path.is_file())
            files |= {(Path(module) / path.relative_to(place)).as_posix(): path for path in inside}
        else:
            files[place.name] = place
    return {name: path for name, path in files.items() if _is_source(name)}


def _imported(files: Iterable[Path]) -> Iterator[str]:
    """List the top-level names that files import, wherever in them."""
    for path in files:
        try:
            with warnings.catch_warnings():
                # Of an invalid escape sequence, which is its author's business.
                warnings.simplefilter("ignore")
                tree = ast.parse(path.read_bytes())
        except (OSError, SyntaxError, ValueError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                yield from (alias.name.split(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                yield node.module.split(".")[0]
