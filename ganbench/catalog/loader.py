"""Discovery of plugins: the built-ins first, then each entry point by itself, sorted."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from ganbench.catalog.distributions import Distribution, ganbench_version, installed, normalized
from ganbench.catalog.given import GivenPlugin
from ganbench.catalog.plugin_reader import broken, read_plugin
from ganbench.catalog.record import Loaded, PluginRecord
from ganbench.catalog.switches import kept_randomness, kept_switches

BUILTINS: tuple[str, ...] = (
    "ganbench.zoo.architectures",
    "ganbench.zoo.losses",
    "ganbench.zoo.penalties",
    "ganbench.zoo.augmentations",
    "ganbench.zoo.datasets",
    "ganbench.zoo.metrics",
    "ganbench.zoo.extractors",
    "ganbench.zoo.optimizers",
    "ganbench.zoo.updates",
    "ganbench.zoo.grids",
)
"""The modules that provide ganbench's own things, by the hooks that a third party uses."""
DISABLE = "GANBENCH_DISABLE_PLUGINS"
"""Environment variable: names that are not imported, joined by commas; each a distribution, an entry point
or `distribution:entry point`."""


def load_plugins(builtins: Iterable[str] = BUILTINS, given: Iterable[GivenPlugin] = ()) -> Iterator[Loaded]:
    """Load the built-ins, then every installed plugin and those that are given, one at a time.

    Args:
        builtins: names of ganbench's own modules.
        given: files and modules; they are read whatever GANBENCH_DISABLE_PLUGINS names.
    """
    version = ganbench_version()
    for module in builtins:
        record = PluginRecord(name=module, distribution="ganbench", version=version, builtin=True)
        yield read_plugin(record, lambda module=module: importlib.import_module(module))  # type: ignore[misc]
    blocked = {_comparable(name) for name in os.environ.get(DISABLE, "").split(",") if name.strip()}
    for distribution in installed():
        yield from _load_distribution(distribution, version, blocked)
    for plugin in given:
        record = PluginRecord(
            name=plugin.name, distribution=plugin.name, version="", given=plugin.given, digest=plugin.digest
        )
        yield _read_guarded(record, plugin.load, plugin.line_of)


def _load_distribution(distribution: Distribution, version: str, blocked: set[str]) -> Iterator[Loaded]:
    excluded = "" if distribution.problem else _excluded(distribution, version)
    if distribution.problem:
        record = PluginRecord(
            name=distribution.name, distribution=distribution.name, version=distribution.version
        )
        yield Loaded(record=broken(record, distribution.problem), readable=False)
    for point in distribution.entry_points:
        record = PluginRecord(
            name=f"{distribution.name}:{point.name}",
            distribution=distribution.name,
            version=distribution.version,
        )
        if blocked & {_comparable(name) for name in (distribution.name, point.name, record.name)}:
            record = replace(record, status="blocked", reason=f"named in {DISABLE}")
            yield Loaded(record=record, readable=False)
        elif excluded:
            yield Loaded(record=replace(record, status="incompatible", reason=excluded), readable=False)
        else:
            yield _read_guarded(record, point.load)


def _read_guarded(
    record: PluginRecord,
    load: Callable[[], object],
    line_of: Callable[[BaseException], int | None] = lambda _: None,
) -> Loaded:
    """Read a plugin; what its import changes of the process's switches and random states is put back."""
    with kept_randomness(), kept_switches() as changes:
        loaded = read_plugin(record, load, line_of)
    return replace(loaded, record=replace(loaded.record, changes=tuple(changes)))


def _excluded(distribution: Distribution, version: str) -> str:
    """Why the distribution's own requirement excludes the running ganbench; empty where it does not."""
    # Only where a third party's plugin is installed: the import is not free.
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.version import InvalidVersion

    for text in distribution.requires:
        try:
            requirement = Requirement(text)
            applies = normalized(requirement.name) == "ganbench" and (
                requirement.marker is None or requirement.marker.evaluate({"extra": ""})
            )
            if applies and not requirement.specifier.contains(version, prereleases=True):
                return f"it needs ganbench{requirement.specifier}, and this is {version}"
        except (InvalidRequirement, InvalidVersion):
            continue  # the installer's business: nothing that says anything about this version
    return ""


def _comparable(name: str) -> str:
    return ":".join(normalized(part.strip()) for part in name.split(":"))
