"""Everything that a distribution, a file or a name brings, run through the contracts of its kinds."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from dataclasses import dataclass

from ganbench.catalog import KINDS, Catalog, Entry, PluginRecord, load_catalog
from ganbench.catalog.distributions import normalized
from ganbench.catalog.faults import Part
from ganbench.errors import CatalogError, did_you_mean
from ganbench.grid.choice import NONE
from ganbench.testing.contract_runs import check
from ganbench.testing.findings import ContractFinding


@dataclass(frozen=True, kw_only=True)
class Checkable:
    """What is to be checked.

    Attributes:
        catalog: knows it.
        entries: what can be, by kind and name.
        broken: plugins that bring nothing, since they could not be read.
        plugins: files and modules that the catalog has besides.
    """

    catalog: Catalog
    entries: tuple[Entry, ...]
    broken: tuple[PluginRecord, ...] = ()
    plugins: tuple[str, ...] = ()


def find_checkable(name: str) -> Checkable:
    """Find what a name stands for.

    Args:
        name: the path of a `.py` file, an installed distribution or its entry point, anything registered, or
            an importable module; the first of these that there is.

    Raises:
        CatalogError: there is none of them, the file cannot be used, or nothing can be checked of it.
    """
    if name.endswith(".py") or os.path.isfile(name):
        return _given(name)
    catalog = load_catalog()
    wanted = normalized(name)
    records = [
        record
        for record in catalog.plugins
        if not record.builtin
        and wanted in map(normalized, (record.distribution, *record.name.split(":")[1:]))
    ]
    if records:
        names = {record.name for record in records}
        return Checkable(
            catalog=catalog,
            entries=_of_plugins(catalog, names),
            broken=tuple(record for record in records if record.status != "active"),
        )
    if found := catalog.find(name):
        if all(entry.name == NONE.name for entry in found):
            raise CatalogError(f"{name!r} is the absence of a {found[0].kind}: there is nothing to check")
        return Checkable(catalog=catalog, entries=found)
    if name.replace(".", "_").isidentifier() and _is_module(name):
        return _given(name)
    distributions = {record.distribution for record in catalog.plugins}
    known = [*distributions, *(entry.name for entry in _all(catalog))]
    raise CatalogError(
        f"nothing is called {name!r}: no file, no installed plugin, nothing registered, no module"
        + did_you_mean(name, known).partition("; valid")[0]
    )


def _given(name: str) -> Checkable:
    catalog = load_catalog(plugins=[name])
    names = {record.name for record in catalog.plugins if record.given == name}
    return Checkable(catalog=catalog, entries=_of_plugins(catalog, names), plugins=(name,))


def _of_plugins(catalog: Catalog, names: set[str]) -> tuple[Entry, ...]:
    return tuple(entry for entry in _all(catalog) if entry.plugin.name in names)


def _all(catalog: Catalog) -> Iterator[Entry]:
    for kind in KINDS:
        yield from catalog.entries(kind)


def _is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except Exception:  # a package above it may raise anything
        return False


def findings_of(checkable: Checkable) -> Iterator[tuple[str, Iterator[ContractFinding]]]:
    """Run the contracts of everything that can be checked.

    Args:
        checkable: what `find_checkable` found.

    Yields:
        Who it is, as `loss 'x' (plugin my-dist 0.1)`, and its findings, which are computed one after another.
    """
    for record in checkable.broken:
        who = f"plugin {record.name} {record.version}".rstrip()
        yield who, iter([_unread(who, record)])
    for entry in checkable.entries:
        part = Part.of(checkable.catalog, entry.kind, entry.name, entry.name)
        required = [option.name for option in entry.options.values() if option.required]
        if required:
            yield part.who, iter([_not_built(part.who, required)])
        else:
            yield part.who, check(entry.kind, entry.name, plugins=checkable.plugins)


def _unread(who: str, record: PluginRecord) -> ContractFinding:
    return ContractFinding(
        who=who,
        check="it_is_read",
        status="failed",
        error=f"is {record.status}: {record.reason}",
        advice="Mend its import and its hooks; `ganbench list plugins` shows the same line.",
    )


def _not_built(who: str, required: list[str]) -> ContractFinding:
    names = ", ".join(required)
    return ContractFinding(
        who=who,
        check="it_is_built",
        status="not applicable",
        error=f"needs the options {names}: a contract of its own, with options = {{...}}, checks it",
    )
