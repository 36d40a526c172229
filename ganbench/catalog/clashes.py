"""Two plugins that provide one name: neither is preferred silently."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from ganbench.catalog.kinds import Kind
from ganbench.catalog.plugin_reader import broken
from ganbench.catalog.record import Loaded, PluginRecord

Key = tuple[Kind | Literal["grid"], str]


@dataclass(frozen=True, kw_only=True)
class Clash:
    """A name of one kind that several plugins provide; `plugins` are sorted by name."""

    kind: Kind | Literal["grid"]
    name: str
    plugins: tuple[PluginRecord, ...]

    def __str__(self) -> str:
        providers = " and ".join(plugin.provider for plugin in self.plugins)
        return f"{self.kind} {self.name!r} is provided by {providers}"


def resolve_clashes(plugins: Iterable[Loaded]) -> tuple[list[Loaded], dict[Key, Clash]]:
    """Mark as broken the plugins that provide a name that another plugin provides too.

    A built-in goes on working; of third parties all that share a name are broken, whatever the order.

    Returns:
        The plugins, and the clashes among third parties by kind and name.
    """
    plugins = list(plugins)
    own = {key: loaded.record for loaded in plugins if loaded.record.builtin for key in loaded.names}
    plugins = [_beside_builtins(loaded, own) for loaded in plugins]
    providers: defaultdict[Key, list[PluginRecord]] = defaultdict(list)
    for loaded in plugins:
        if loaded.record.status == "active":
            for key in loaded.names:
                providers[key].append(loaded.record)
    clashes = {
        (kind, name): Clash(kind=kind, name=name, plugins=tuple(sorted(records, key=lambda r: r.name)))
        for (kind, name), records in providers.items()
        if len(records) > 1
    }
    return [_beside_others(loaded, clashes) for loaded in plugins], clashes


def _beside_builtins(loaded: Loaded, own: dict[Key, PluginRecord]) -> Loaded:
    taken = sorted(loaded.names & own.keys())
    if loaded.record.builtin or loaded.record.status != "active" or not taken:
        return loaded
    kind, name = taken[0]
    return _breaking(loaded, Clash(kind=kind, name=name, plugins=(own[kind, name], loaded.record)))


def _beside_others(loaded: Loaded, clashes: dict[Key, Clash]) -> Loaded:
    shared = sorted(loaded.names & clashes.keys())
    if loaded.record.status != "active" or not shared:
        return loaded
    return _breaking(loaded, clashes[shared[0]])


def _breaking(loaded: Loaded, clash: Clash) -> Loaded:
    return replace(loaded, record=broken(loaded.record, f"clash: {clash}"), entries=(), grids=())
