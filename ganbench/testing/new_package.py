"""A plugin package that installs, lists, trains and passes its contract as it is written."""

from __future__ import annotations

import importlib.util
import keyword
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from string import Template
from types import MappingProxyType
from typing import get_args

from ganbench.catalog import Catalog, Kind
from ganbench.catalog.distributions import ganbench_version
from ganbench.errors import CatalogError, GanbenchError, did_you_mean, shown

_NAME = re.compile(r"[a-z][a-z0-9_]{0,49}")
_TEMPLATES = resources.files("ganbench.testing") / "templates"

# The axes of the small grid that stands in each package; the new thing beside what is built in.
_AXES: Mapping[Kind, Mapping[str, str]] = MappingProxyType(
    {
        "loss": {"loss": '["non_saturating", "$name"]'},
        "penalty": {"penalty": '["none", "$name"]'},
        "augmentation": {"augmentation": '["none", "$name"]'},
        "architecture": {"architecture": '["mlp", "$name"]'},
        "dataset": {"dataset": '["$name"]'},
        "metric": {},
    }
)
KINDS: tuple[Kind, ...] = tuple(kind for kind in get_args(Kind) if kind in _AXES)
"""The kinds of which a package can be made."""
_COMMON: Mapping[str, str] = MappingProxyType(
    {
        "dataset": '["gaussian_ring"]',
        "architecture": '[{ name = "mlp", generator_widths = [32], discriminator_widths = [32] }]',
        "loss": '["non_saturating"]',
    }
)


def write_package(kind: str, name: str, catalog: Catalog, out: Path | None = None) -> Path:
    """Write a package for one new thing.

    Args:
        kind: of the thing, one of KINDS.
        name: under which grids will name it.
        catalog: what is registered.
        out: the folder, which must not be there; `ganbench-NAME` in the working folder unless given.

    Returns:
        The folder.

    Raises:
        GanbenchError: the kind is unknown, the name is no name or taken, the folder is there, or cannot be
            written; nothing is left behind.
    """
    if kind not in KINDS:
        raise GanbenchError(f"there is no new {shown(kind)}{did_you_mean(kind, KINDS)}")
    known: Kind = next(each for each in KINDS if each == kind)
    module = f"ganbench_{name}"
    _refuse_name(known, name, module, catalog)
    distribution = f"ganbench-{name.replace('_', '-').strip('-')}"
    folder = out or Path(distribution)
    if os.path.lexists(folder):
        raise GanbenchError(f"{folder} is there already: give another folder with --out")
    files = _files(known, name, module, distribution)
    try:
        _write(folder, files)
    except OSError as error:
        raise GanbenchError(f"{folder} cannot be written: {error.strerror or error}") from error
    return folder


def _refuse_name(kind: Kind, name: str, module: str, catalog: Catalog) -> None:
    """Refuse a name that is none, or that another thing of the kind or another module has.

    Raises:
        GanbenchError: with what is wrong.
    """
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        raise GanbenchError(
            f"{shown(name)} is no name: a name is lower-case letters, digits and underscores, begins with a "
            "letter, has at most 50 and is no word of Python's"
        )
    taken = [entry for entry in catalog.find(name) if entry.kind == kind]
    if taken:
        raise CatalogError(f"there is a {kind} {name!r} already, from {taken[0].plugin.origin}")
    if importlib.util.find_spec(module) is not None:
        raise GanbenchError(
            f"there is a module {module!r} already, which this package would hide: name it otherwise"
        )


def _files(kind: Kind, name: str, module: str, distribution: str) -> dict[str, str]:
    """Fill in the templates: contents by the file's name."""
    axes = {**_COMMON, **_AXES[kind]}
    words = {
        "kind": "data set" if kind == "dataset" else kind,
        "name": name,
        "module": module,
        "distribution": distribution,
        "class_name": _class_name(kind, name),
        "contract": f"{kind.capitalize()}Contract",
        "requirement": _requirement(),
        "axes": "\n".join(
            f"{axis} = {Template(value).substitute(name=name)}" for axis, value in axes.items()
        ),
        "metrics": f'"wasserstein", "{name}"' if kind == "metric" else '"wasserstein"',
    }
    templates = {
        f"{module}.py": kind,
        f"test_{module}.py": "test",
        "grid.toml": "grid.toml",
        "pyproject.toml": "pyproject.toml",
        "README.md": "README.md",
    }
    return {
        file: Template((_TEMPLATES / f"{template}.txt").read_text(encoding="utf-8")).substitute(words)
        for file, template in templates.items()
    }


def _class_name(kind: Kind, name: str) -> str:
    """Name the class: it ends with the kind, so that it is none of the names that its module imports."""
    camel = "".join(word.capitalize() for word in name.split("_"))
    ending = kind.capitalize()
    return camel if camel.endswith(ending) else camel + ending


def _requirement() -> str:
    """Require this version of ganbench or a later one, below the next major version."""
    found = re.match(r"(\d+)\.(\d+)", ganbench_version())
    return f"ganbench>={found[1]}.{found[2]},<{int(found[1]) + 1}" if found else "ganbench"


def _write(folder: Path, files: Mapping[str, str]) -> None:
    """Write a folder whole, or not at all."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        for name, content in files.items():
            (draft / name).write_text(content, encoding="utf-8", newline="\n")
        draft.chmod(0o755)
        draft.rename(folder)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
