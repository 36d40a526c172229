"""Whether cells that stand side by side were trained under the same conditions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

_COMMON = ("device", "engine", "ganbench", "torch", "torch-fidelity")


def environments_mixed(rows: Iterable[Mapping[str, Any]]) -> bool:
    """Whether finished cells differ in more than the plugins that one of them uses and another does not.

    Args:
        rows: rows of the table of cells.
    """
    hashes: dict[str, set[str]] = {}
    common: set[tuple[str, ...]] = set()
    versions: dict[str, set[str]] = {}
    for row in rows:
        if row["status"] != "ok":
            continue
        plugins = str(row["plugins"])
        # Equal plugins leave no honest reason for different hashes.
        hashes.setdefault(plugins, set()).add(str(row["environment"]))
        common.add(tuple(str(row[name]) for name in _COMMON))
        for plugin in filter(None, plugins.split("; ")):
            name, _, version = plugin.partition(" ")
            versions.setdefault(name, set()).add(version)
    return len(common) > 1 or any(len(values) > 1 for values in (*hashes.values(), *versions.values()))
