"""Plugins without a package: a file, or an importable module, that is given for one command or call."""

from __future__ import annotations

import ast
import hashlib
import importlib
import importlib.util
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

from ganbench.errors import CatalogError, GanbenchError, said

_WAY_OUT = "put it into a file and give that file: plugins=['my_loss.py'], or --plugin my_loss.py"
_PRIVATE = "ganbench_plugin_"
_NAMED_DIGITS = 16


PluginSource = str | os.PathLike[str] | ModuleType
"""What a script gives as a plugin: the path of a `.py` file, an importable module's name, or a module."""


@dataclass(frozen=True, kw_only=True)
class GivenPlugin:
    """A file or module that is read as a plugin.

    Attributes:
        given: the path as it was given, or the module's name.
        name: the file's name, or the module's; with the digest, what tells one plugin from another.
        file: absolute path of the file, or of the module's file.
        module: the name under which it is imported; that of a file depends on its path and content.
        digest: SHA-256 of the file, or of every file of a module's package.
        is_file: whether it is a file that no import finds.
    """

    given: str
    name: str
    file: str
    module: str
    digest: str
    is_file: bool

    def load(self) -> object:
        """Import it; a file is read again only where its content has changed.

        Raises:
            BaseException: whatever its code raises.
        """
        if not self.is_file:
            return importlib.import_module(self.module)
        if self.module in sys.modules:
            return sys.modules[self.module]
        source = Path(self.file).read_bytes()
        if hashlib.sha256(source).hexdigest() != self.digest:
            raise ImportError(f"{self.name} was changed while it was read")
        spec = importlib.util.spec_from_file_location(self.module, self.file)
        assert spec is not None  # its name ends in .py
        module = importlib.util.module_from_spec(spec)
        # Not by the spec's loader: it writes bytecode beside the file, and reads what may be out of date.
        code = compile(source, self.file, "exec", dont_inherit=True)
        # Dataclasses look their module up while they are made.
        sys.modules[self.module] = module
        try:
            exec(code, vars(module))
        except BaseException:
            del sys.modules[self.module]
            raise
        return module

    def line_of(self, error: BaseException) -> int | None:
        """Find the line of the file at which an exception was raised; None where there is none."""
        if isinstance(error, SyntaxError):
            return None  # Its message has the line.
        line, walked = None, error.__traceback__
        while walked is not None:
            if walked.tb_frame.f_code.co_filename == self.file:
                line = walked.tb_lineno
            walked = walked.tb_next
        return line


def read_given(plugins: Any) -> tuple[GivenPlugin, ...]:
    """Find the plugins that a command line or a script gives; one that is given twice counts once.

    Args:
        plugins: paths of `.py` files, names of importable modules, modules, or what this function returned.

    Raises:
        CatalogError: with a line for each that cannot be used.
    """
    if isinstance(plugins, str | bytes | os.PathLike | ModuleType) or not isinstance(plugins, Iterable):
        shown = f"[{str(plugins)!r}]" if isinstance(plugins, str | os.PathLike) else "['my_loss.py']"
        raise CatalogError(f"plugins: must be a list, as {shown}, given {plugins!r}")
    found: dict[str, GivenPlugin] = {}
    problems: list[str] = []
    for plugin in plugins:
        try:
            read = _read(plugin)
        except GanbenchError as error:
            problems += error.problems
            continue
        other = found.setdefault(read.name, read)
        if os.path.realpath(other.file) != os.path.realpath(read.file):
            problems.append(
                f"--plugin {read.given}: --plugin {other.given} has the same name, and results name a plugin "
                "by it; rename one of them"
            )
    if problems:
        raise CatalogError(*problems)
    return tuple(found.values())


def _read(plugin: Any) -> GivenPlugin:
    if isinstance(plugin, GivenPlugin):
        # Planned by another process: what counts is the file as it is now.
        found = _file(plugin.file) if plugin.is_file else _module(plugin.module)
        return replace(found, given=plugin.given)
    if isinstance(plugin, ModuleType):
        return _module(plugin.__name__)
    if getattr(plugin, "__module__", None) == "__main__":
        name = getattr(plugin, "__qualname__", type(plugin).__qualname__)
        raise CatalogError(
            f"plugins: {name} of __main__ cannot be imported by the workers of a run; {_WAY_OUT}"
        )
    if not isinstance(plugin, str | os.PathLike) or not isinstance(os.fspath(plugin), str):
        raise CatalogError(f"plugins: must be files or modules, given {plugin!r}; {_WAY_OUT}")
    text = os.fspath(plugin)
    named = isinstance(plugin, str) and all(part.isidentifier() for part in text.split("."))
    if named and not text.endswith(".py"):
        return _module(text) if not os.path.exists(text) or _is_importable(text) else _file(text)
    return _file(text)


def _file(given: str) -> GivenPlugin:
    path = Path(given)
    try:
        path = path.absolute()
        source = path.read_bytes() if path.is_file() else None
        exists, is_folder = path.exists(), path.is_dir()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise CatalogError(f"--plugin {given}: cannot be read: {reason}") from None
    if not exists:
        raise CatalogError(f"--plugin {given}: there is no such file")
    if is_folder:
        raise CatalogError(
            f"--plugin {given}: is a folder; give one file, or the name of an importable package"
        )
    if source is None or path.suffix != ".py":
        raise CatalogError(f"--plugin {given}: is no Python file, whose name ends in .py")
    _refuse_neighbours(given, path, source)
    digest = hashlib.sha256(source).hexdigest()
    told_apart = hashlib.sha256(f"{path} {digest}".encode(errors="surrogateescape")).hexdigest()
    return GivenPlugin(
        given=given,
        name=path.name,
        file=str(path),
        module=f"{_PRIVATE}{told_apart[:_NAMED_DIGITS]}",
        digest=digest,
        is_file=True,
    )


def _module(name: str) -> GivenPlugin:
    if name == "__main__":
        raise CatalogError(f"plugins: __main__ cannot be imported by the workers of a run; {_WAY_OUT}")
    try:
        spec = importlib.util.find_spec(name)
    except Exception as error:  # a package above it may raise anything
        raise CatalogError(f"--plugin {name}: cannot be imported: {said(error)}") from None
    if spec is None:
        beside = f"; did you mean {name}.py?" if os.path.isfile(f"{name}.py") else ""
        raise CatalogError(f"--plugin {name}: there is no such file or module{beside}")
    if not spec.has_location or not spec.origin:
        raise CatalogError(f"--plugin {name}: is a module without a file; {_WAY_OUT}")
    top = importlib.util.find_spec(name.partition(".")[0])
    folders = list(top.submodule_search_locations or ()) if top is not None else []
    origin = Path(spec.origin).absolute()
    if folders:
        digest = _digest_of_folders(folders)
    else:
        source = origin.read_bytes()
        _refuse_neighbours(name, origin, source)
        digest = hashlib.sha256(source).hexdigest()
    return GivenPlugin(given=name, name=name, file=str(origin), module=name, digest=digest, is_file=False)


def _is_importable(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except Exception:  # what imports a package above it may raise anything
        return False


def _digest_of_folders(folders: Iterable[str]) -> str:
    """Digest every file of a package but bytecode and what is hidden: names and content."""
    digest = hashlib.sha256()
    for folder in map(Path, folders):
        for path in sorted(folder.rglob("*")):
            parts = path.relative_to(folder).parts
            if any(part.startswith(".") or part == "__pycache__" for part in parts) or not path.is_file():
                continue
            name, content = "/".join(parts), path.read_bytes()
            # Lengths, so that no two sets of files run together to the same bytes.
            digest.update(f"{len(name)} {len(content)} {name}".encode(errors="surrogateescape"))
            digest.update(content)
    return digest.hexdigest()


def _refuse_neighbours(given: str, path: Path, source: bytes) -> None:
    """Refuse a file that imports another one beside it: its digest would not tell when that changes."""
    for name, line in _imports(source):
        beside = [path.parent / f"{name}.py", path.parent / name / "__init__.py"] if name else []
        if name and (not any(map(Path.is_file, beside)) or _is_elsewhere(name, path.parent)):
            continue
        what = f"imports {name!r}, which lies beside it" if name else "has a relative import"
        raise CatalogError(
            f"--plugin {given}: {what} ({path.name}:{line}); a plugin of a single file stands alone: put "
            "both into one file, or install them as a package"
        )


def _imports(source: bytes) -> Iterator[tuple[str, int]]:
    """List the top-level modules that a file imports, with the line; a relative import has no name."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return  # Its import says so.
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name.partition(".")[0], node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield ("" if node.level else (node.module or "").partition(".")[0], node.lineno)


def _is_elsewhere(name: str, folder: Path) -> bool:
    """Tell whether a name is imported from elsewhere than this folder, or belongs to a distribution."""
    if name in sys.stdlib_module_names or name == "ganbench":
        return True
    try:
        spec = importlib.util.find_spec(name)
    except Exception:  # half a module in sys.modules, of which nothing is known
        return False
    if spec is None:
        return False
    places = [*(spec.submodule_search_locations or ()), *([spec.origin] if spec.origin else [])]
    if not any(
        Path(place).parent.resolve() in (folder.resolve(), folder.resolve() / name) for place in places
    ):
        return True
    return name in metadata.packages_distributions()
