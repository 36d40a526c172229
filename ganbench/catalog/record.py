"""The records of plugins, and of the components that they provide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from ganbench.api.specs import Spec
from ganbench.catalog.kinds import Kind
from ganbench.catalog.options import Option, options_of

Status = Literal["active", "broken", "blocked", "incompatible"]


@dataclass(frozen=True, kw_only=True)
class PluginRecord:
    """One entry point of the group `ganbench`, one of ganbench's own modules, or a file given by itself.

    Attributes:
        name: `distribution:entry point`; a built-in's is its module.
        distribution: the installed package that it comes from.
        version: that package's version.
        hooks: the hooks that it implements, sorted.
        status: `active` is used; `broken` failed to import, register or verify; `blocked` is named in
            GANBENCH_DISABLE_PLUGINS; `incompatible` asks for another version of ganbench. The last two
            are not imported.
        reason: one line that says why it is not active; empty where it is.
        builtin: whether it is a part of ganbench.
        changes: the switches of torch that its import changed, as `default_dtype float32 -> float64`; they
            have been put back.
        given: the path or the module's name, where it belongs to no package and was given for one command or
            call; `name` and `distribution` are then the file's or module's name, and `version` is empty.
        digest: SHA-256 of what is given.
    """

    name: str
    distribution: str
    version: str
    hooks: tuple[str, ...] = ()
    status: Status = "active"
    reason: str = ""
    builtin: bool = False
    changes: tuple[str, ...] = ()
    given: str = ""
    digest: str = ""

    @property
    def origin(self) -> str:
        """`my-dist 0.1`, or `my_loss.py`."""
        return f"{self.distribution} {self.version}".rstrip()

    @property
    def provider(self) -> str:
        """`my-dist 0.1 (my-dist:plugin)`, or `--plugin folder/my_loss.py`."""
        return f"--plugin {self.given}" if self.given else f"{self.origin} ({self.name})"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One thing that an active plugin provides.

    Attributes:
        kind: what it is.
        name: unique among its kind.
        spec: as the plugin yielded it.
        plugin: who provides it.
    """

    kind: Kind
    name: str
    spec: Spec
    plugin: PluginRecord

    @cached_property
    def options(self) -> Mapping[str, Option]:
        """The options that a grid may set, in the order of `build`'s parameters."""
        return options_of(self.spec.build, self.kind)


@dataclass(frozen=True, kw_only=True)
class GridEntry:
    """A grid that an active plugin brings.

    Attributes:
        name: unique among grids.
        path: absolute, of the TOML file.
        summary: as the plugin gave it; may be empty.
        plugin: who provides it.
    """

    name: str
    path: Path
    summary: str
    plugin: PluginRecord


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """A plugin after reading.

    Attributes:
        record: what became of it.
        entries: what it provides; empty unless it is active.
        grids: that it brings; likewise.
        names: every (kind, name) that could be read of it, also where it is broken; a grid's kind is `grid`.
        readable: whether `names` is complete.
    """

    record: PluginRecord
    entries: tuple[Entry, ...] = ()
    grids: tuple[GridEntry, ...] = ()
    names: frozenset[tuple[Kind | Literal["grid"], str]] = frozenset()
    readable: bool = True
