"""The environment, which decides bits beside the grid: device, engine, versions, plugins, switches."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganbench.catalog.distributions import ganbench_version
from ganbench.catalog.switches import (
    VARIABLES,
    kept_switches,
    standard_switches,
    unusual_switches,
    write_switches,
)
from ganbench.files.canonical import sha256_of
from ganbench.grid.cell import Cell
from ganbench.grid.choice import NONE, Choice
from ganbench.grid.optimizer_settings import PluginOptimizer
from ganbench.grid.plugin_source import modules_digest, source_digest
from ganbench.grid.settings import DEFAULT_UPDATE

if TYPE_CHECKING:
    from ganbench.catalog import Catalog, Kind, PluginRecord

NUMERICS = 1
"""Raised only by a release of ganbench that trains to other bits than the one before; 1 is that of 0.1.0."""

_HASH_DIGITS = 10
# Under this name ganbench's numerics stand in the hash, in the place of the version that 0.1.0 had there.
_FIRST_NUMERICS = "0.1.0"
_TRAINED_BY: tuple[Kind, ...] = ("dataset", "architecture", "loss", "penalty")
# In the place of a version, for a file that is no package's.
_GIVEN = "given"
_UNNAMED = "the number of threads, or a plugin's source"


@dataclass(frozen=True, kw_only=True)
class Environment:
    """The conditions under which a cell is trained.

    What is empty or None is unknown: an older record lacks it. Unknown facts differ from nothing.

    Attributes:
        device: the model of the CPU or GPU.
        engine: how steps execute, resolved.
        threads: of a worker; 1 on a CPU.
        versions: of ganbench, torch and torch-fidelity; that of ganbench is recorded and decides nothing.
        numerics: of ganbench; see NUMERICS.
        plugins: of each distribution that the cell uses, by its name: `version`; `digest` of its source; and,
            where it has other files than Python's, `modules`, the digest of those alone. A file that is given
            by itself has its own name and, as its version, `given`.
        data: fingerprint of each data set that the cell uses, by its label.
        digests: what a part of a plugin says of itself with its attribute `digest`, by kind and label.
        switches: those of torch, and the environment variables of its libraries, that are not at their
            default.
        recorded: the hash as it was recorded, where the facts behind it are not all known.
    """

    device: str
    engine: str
    threads: int | None
    versions: Mapping[str, str]
    numerics: int = NUMERICS
    plugins: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    data: Mapping[str, str] | None = None
    digests: Mapping[str, str] | None = None
    switches: Mapping[str, Any] | None = None
    recorded: str = ""

    @property
    def hash(self) -> str:
        """Ten hexadecimal digits; equal where the same facts are known and have the same values."""
        if self.recorded:
            return self.recorded
        later = {"data": self.data, "digests": self.digests, "switches": self.switches}
        facts = self._core("digest") | {name: dict(value) for name, value in later.items() if value}
        return sha256_of(facts)[:_HASH_DIGITS]

    @property
    def core_hash(self) -> str:
        """The hash of the facts that ganbench 0.1.0 knew, which its records have as `hash`."""
        return self.recorded or sha256_of(self._core("modules"))[:_HASH_DIGITS]

    def as_json(self) -> dict[str, Any]:
        """Give the hash and all facts that are known, as cell.json holds them."""
        facts: dict[str, Any] = {
            "hash": self.hash,
            "device": self.device,
            "engine": self.engine,
            "threads": self.threads,
            "versions": dict(self.versions),
            "numerics": self.numerics,
            "plugins": {name: dict(plugin) for name, plugin in self.plugins.items()},
        }
        later = {"data": self.data, "digests": self.digests, "switches": self.switches}
        if self.recorded:
            facts["recorded"] = self.recorded
        return facts | {name: dict(value) for name, value in later.items() if value is not None}

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> Environment:
        """Read what `as_json` gave, or what ganbench 0.1.0 wrote.

        Raises:
            ValueError: it is no such thing.
        """
        try:
            return cls(
                device=str(facts["device"]),
                engine=str(facts["engine"]),
                threads=None if facts["threads"] is None else int(facts["threads"]),
                versions=_texts(facts["versions"]),
                numerics=int(facts.get("numerics", 1)),
                plugins={str(name): _plugin(plugin) for name, plugin in facts["plugins"].items()},
                data=_texts(facts["data"]) if "data" in facts else None,
                digests=_texts(facts["digests"]) if "digests" in facts else None,
                switches=_switches(facts["switches"]) if "switches" in facts else None,
                recorded=str(facts.get("recorded", "")),
            )
        except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
            raise ValueError(f"not an environment: {type(error).__name__}: {error}") from None

    def differences(self, now: Environment) -> list[str]:
        """Name what changes from this environment to another, a phrase each; empty where nothing does.

        `torch 2.14.1 -> 2.15.0`, `ganbench-foo: source changed`, `dataset image_folder: data changed`. This
        is the one way to tell environments apart: hashes of equal ones differ where one knows more facts.
        """
        found = [
            f"{what} {before} -> {after}"
            for what, before, after in (
                ("device", self.device, now.device),
                ("engine", self.engine, now.engine),
                ("threads", self.threads, now.threads),
                *_pairs(_libraries(self.versions), _libraries(now.versions)),
                ("ganbench's numerics", self.numerics, now.numerics),
                *_pairs(_versions(self.plugins), _versions(now.plugins)),
            )
            if before != after and before not in ("", None) and after not in ("", None)
        ]
        found += [f"{name}: source changed" for name in sorted(self._changed_sources(now))]
        for before, after, words in (
            (self.data, now.data, "dataset {}: data changed"),
            (self.digests, now.digests, "{}: digest changed"),
        ):
            common = (before or {}).keys() & (after or {}).keys()
            found += [
                words.format(name) for name in sorted(common) if (before or {})[name] != (after or {})[name]
            ]
        if self.switches is not None and now.switches is not None:
            names = sorted({*self.switches, *now.switches})
            found += [
                f"{name} {_shown(before, name, after)} -> {_shown(after, name, before)}"
                for before, after in [(self.switches, now.switches)]
                for name in names
                if before.get(name) != after.get(name)
            ]
        if not found and (self.recorded or now.recorded) and self.core_hash != now.core_hash:
            found.append(_UNNAMED)
        return found

    def on_machine_of(self, other: Environment) -> Environment:
        """Take the machine of another environment: its model, its threads, what its libraries are told."""
        switches = self.switches
        if switches is not None and other.switches is not None:
            theirs = {name: value for name, value in other.switches.items() if name in VARIABLES}
            switches = {name: value for name, value in switches.items() if name not in VARIABLES} | theirs
        return replace(self, device=other.device, threads=other.threads, switches=switches)

    def conflicts(self, other: Environment) -> list[str]:
        """Name how two cells' environments differ in what both of them use.

        Plugins, and data sets, that only one of them uses are no difference.
        """
        if self.plugins.keys() != other.plugins.keys():
            # Hashes over different plugins say nothing.
            common = self.plugins.keys() & other.plugins.keys()
            one, two = (
                replace(
                    each,
                    plugins={name: plugin for name, plugin in each.plugins.items() if name in common},
                    recorded="",
                )
                for each in (self, other)
            )
            return one.differences(two)
        return self.differences(other)

    def _core(self, digest: str) -> dict[str, Any]:
        numerics = _FIRST_NUMERICS if self.numerics == 1 else f"numerics {self.numerics}"
        return {
            "device": self.device,
            "engine": self.engine,
            "threads": self.threads,
            "versions": {**self.versions, "ganbench": numerics},
            "plugins": {
                name: {"version": plugin["version"], "digest": plugin.get(digest, plugin["digest"])}
                for name, plugin in self.plugins.items()
            },
        }

    def _changed_sources(self, now: Environment) -> Iterator[str]:
        for name in self.plugins.keys() & now.plugins.keys():
            before, after = self.plugins[name], now.plugins[name]
            if before["version"] != after["version"]:
                continue
            # A record of 0.1.0, which knows no switches, covers the Python files alone.
            covered = "modules" if self.switches is None or now.switches is None else "digest"
            known = [plugin.get(covered, plugin["digest"]) for plugin in (before, after)]
            if known[0] != known[1] and all(known):
                yield name


def environment_of(
    cell: Cell,
    catalog: Catalog,
    device: str,
    engine: str,
    threads: int,
    *,
    data: Mapping[str, str] | None = None,
    digests: Mapping[str, str] | None = None,
) -> Environment:
    """Work out the environment of a cell that is trained here and now.

    Built-ins are covered by NUMERICS; metrics and extractors do not decide the weights. Switches are recorded
    as they stand once ganbench has set those that it can set.

    Args:
        cell: what is trained.
        catalog: who provides its parts.
        device: as torch names it: `cpu`, `cuda:0`.
        engine: the resolved one.
        threads: of the worker.
        data: fingerprints of its data sets, by label.
        digests: what its parts say of themselves, by kind and label.

    Raises:
        CatalogError: something that the cell needs is not provided.
    """
    plugins: dict[str, dict[str, str]] = {}
    for kind, choice in parts_with_chosen(cell, catalog):
        plugin = catalog.entry(kind, choice.name).plugin
        if not plugin.builtin and plugin.distribution not in plugins:
            plugins[plugin.distribution] = _plugin_facts(plugin)
    with kept_switches():
        write_switches(standard_switches())
        switches = unusual_switches()
    versions = {name: _version(name) for name in ("torch", "torch-fidelity")}
    return Environment(
        device=device_model(device),
        engine=engine,
        threads=threads,
        versions={"ganbench": ganbench_version(), **versions},
        numerics=NUMERICS,
        plugins=dict(sorted(plugins.items())),
        data=data,
        digests=digests,
        switches=switches,
    )


def parts_of(cell: Cell) -> Iterator[tuple[Kind, Choice]]:
    """Give the parts that decide a cell's weights, kind by kind."""
    for kind in _TRAINED_BY:
        choice: Choice = getattr(cell, kind)
        for part in choice.parts:
            yield kind, part
    if cell.augmentation != NONE:
        yield "augmentation", cell.augmentation
    if cell.train.loss_before_freeze is not None:
        yield "loss", cell.train.loss_before_freeze
    if cell.train.update != DEFAULT_UPDATE:
        yield "update", cell.train.update
    players = (cell.train.d_optimizer, cell.train.g_optimizer)
    chosen = [Choice(each.name, each.given) for each in players if isinstance(each, PluginOptimizer)]
    for index, choice in enumerate(chosen):
        if choice not in chosen[:index]:
            yield "optimizer", choice


def measured_by(cell: Cell) -> Iterator[tuple[Kind, Choice]]:
    """Give the parts that decide a cell's scores, beside the weights: its metrics and its extractor."""
    for metric in cell.score.metrics:
        yield "metric", metric
    if cell.score.extractor is not None:
        yield "extractor", cell.score.extractor


def parts_with_chosen(cell: Cell, catalog: Catalog) -> Iterator[tuple[Kind, Choice]]:
    """Give the parts that decide a cell's weights, each followed by what its options choose.

    Raises:
        CatalogError: something that the cell needs is not provided.
    """
    yield from with_chosen(parts_of(cell), catalog)


def with_chosen(parts: Iterable[tuple[Kind, Choice]], catalog: Catalog) -> Iterator[tuple[Kind, Choice]]:
    """Give parts, each followed by what its options choose.

    Raises:
        CatalogError: something of it is not provided.
    """
    for kind, choice in parts:
        yield kind, choice
        for inner, name, options in catalog.chosen_within(kind, choice.name, choice.options):
            yield inner, Choice(name, options)


@lru_cache
def device_model(device: str) -> str:
    """Name a device's model: the GPU's name, or the CPU's with the instructions that torch uses on it.

    Args:
        device: as torch names it: `cpu`, `cuda`, `cuda:1`.
    """
    import torch

    chosen = torch.device(device)
    if chosen.type == "cuda":
        return torch.cuda.get_device_name(chosen)
    if chosen.type == "cpu":
        return f"{_cpu_model()} ({torch.backends.cpu.get_cpu_capability()})"
    return f"{chosen.type} of {platform.machine()}"


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    for line in lines:
        name, _, value = line.partition(":")
        if name.strip() == "model name" and value.strip():
            return value.strip()
    return platform.processor() or platform.machine()


@lru_cache
def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "absent"


def _libraries(versions: Mapping[str, str]) -> dict[str, str]:
    """List the versions of dependencies that decide bits."""
    return {name: version for name, version in versions.items() if name != "ganbench"}


def _versions(plugins: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    return {name: plugin["version"] for name, plugin in plugins.items()}


def _pairs(before: Mapping[str, str], after: Mapping[str, str]) -> Iterable[tuple[str, str, str]]:
    for name in sorted({*before, *after}):
        yield name, before.get(name, "absent"), after.get(name, "absent")


def _texts(facts: Mapping[str, Any]) -> dict[str, str]:
    return {str(name): str(value) for name, value in facts.items()}


def _plugin_facts(plugin: PluginRecord) -> dict[str, str]:
    if plugin.given:
        return {"version": _GIVEN, "digest": plugin.digest}
    digest, modules = source_digest(plugin.distribution), modules_digest(plugin.distribution)
    return {
        "version": plugin.version,
        "digest": digest,
        **({"modules": modules} if modules != digest else {}),
    }


def _plugin(facts: Mapping[str, Any]) -> dict[str, str]:
    found = {"version": str(facts["version"]), "digest": str(facts["digest"])}
    return found | ({"modules": str(facts["modules"])} if "modules" in facts else {})


def _switches(facts: Mapping[str, Any]) -> dict[str, bool | int | str]:
    found = {str(name): value for name, value in facts.items()}
    if wrong := [name for name, value in found.items() if not isinstance(value, bool | int | str)]:
        raise ValueError(f"switch {wrong[0]} has no value")
    return found


def _shown(switches: Mapping[str, Any], name: str, other: Mapping[str, Any]) -> str:
    # A variable of the libraries may have the very value `default`, which is not the same as none.
    return str(switches.get(name, "unset" if other.get(name) == "default" else "default"))
