"""What beside the grid decides a cell's bits: the device, the engine, versions, and the plugins' source."""

from __future__ import annotations

import hashlib
import importlib.util
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganbench.catalog.distributions import GROUP, ganbench_version
from ganbench.grid.canonical import sha256_of
from ganbench.grid.cell import Cell

if TYPE_CHECKING:
    from ganbench.catalog import Catalog, Kind
    from ganbench.grid.choice import Choice

_HASH_DIGITS = 10
_DIGEST_DIGITS = 16
_TRAINED_BY: tuple[Kind, ...] = ("dataset", "architecture", "loss", "penalty")


@dataclass(frozen=True, kw_only=True)
class Environment:
    """Where a cell is trained.

    Attributes:
        device: the model of the CPU or GPU.
        engine: how steps execute, resolved.
        threads: of a worker; 1 on a CPU.
        versions: of ganbench, torch and torch-fidelity.
        plugins: `version` and `digest` (of the source) of each distribution that the cell uses, by its name.
    """

    device: str
    engine: str
    threads: int
    versions: Mapping[str, str]
    plugins: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def hash(self) -> str:
        """Ten hexadecimal digits; equal where the same cell gives the same bits."""
        return sha256_of(self._facts())[:_HASH_DIGITS]

    def as_json(self) -> dict[str, Any]:
        """All of it with the hash, as cell.json holds it."""
        return {"hash": self.hash, **self._facts()}

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> Environment:
        """What `as_json` gave.

        Raises:
            ValueError: it is not such a thing.
        """
        try:
            return cls(
                device=str(facts["device"]),
                engine=str(facts["engine"]),
                threads=int(facts["threads"]),
                versions={str(name): str(version) for name, version in facts["versions"].items()},
                plugins={
                    str(name): {"version": str(plugin["version"]), "digest": str(plugin["digest"])}
                    for name, plugin in facts["plugins"].items()
                },
            )
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError(f"not an environment: {type(error).__name__}: {error}") from None

    def differences(self, now: Environment) -> list[str]:
        """What has changed from this environment to another, a phrase each; empty where nothing has.

        `torch 2.14.1 -> 2.15.0`, `ganbench-foo: source changed`.
        """
        found = [
            f"{what} {before} -> {after}"
            for what, before, after in (
                ("device", self.device, now.device),
                ("engine", self.engine, now.engine),
                ("threads", self.threads, now.threads),
                *_pairs(self.versions, now.versions),
                *_pairs(_versions(self.plugins), _versions(now.plugins)),
            )
            if before != after
        ]
        for name, plugin in sorted(self.plugins.items()):
            other = now.plugins.get(name)
            if other and other["version"] == plugin["version"] and other["digest"] != plugin["digest"]:
                found.append(f"{name}: source changed")
        return found

    def _facts(self) -> dict[str, Any]:
        return {
            "device": self.device,
            "engine": self.engine,
            "threads": self.threads,
            "versions": dict(self.versions),
            "plugins": {name: dict(plugin) for name, plugin in self.plugins.items()},
        }


def environment_of(cell: Cell, catalog: Catalog, device: str, engine: str, threads: int) -> Environment:
    """The environment of a cell that is trained here and now.

    Built-ins are covered by ganbench's version; metrics and extractors do not decide the weights.

    Args:
        cell: what is trained.
        catalog: who provides its parts.
        device: as torch names it: `cpu`, `cuda:0`.
        engine: the resolved one.
        threads: of the worker.

    Raises:
        CatalogError: something that the cell needs is not provided.
    """
    plugins: dict[str, dict[str, str]] = {}
    parts: list[tuple[Kind, Choice]] = [(kind, getattr(cell, kind)) for kind in _TRAINED_BY]
    if cell.train.loss_before_freeze is not None:
        parts.append(("loss", cell.train.loss_before_freeze))
    for kind, choice in parts:
        plugin = catalog.entry(kind, choice.name).plugin
        if not plugin.builtin and plugin.distribution not in plugins:
            digest = source_digest(plugin.distribution)
            plugins[plugin.distribution] = {"version": plugin.version, "digest": digest}
    versions = {name: _version(name) for name in ("torch", "torch-fidelity")}
    return Environment(
        device=device_model(device),
        engine=engine,
        threads=threads,
        versions={"ganbench": ganbench_version(), **versions},
        plugins=dict(sorted(plugins.items())),
    )


@lru_cache
def device_model(device: str) -> str:
    """What a device is: the GPU's name, or the CPU's with the instructions that torch uses on it.

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


@lru_cache
def source_digest(distribution: str) -> str:
    """Sixteen hexadecimal digits of SHA-256 over a distribution's Python files, their names and content.

    The same for a wheel as for an editable installation of the same source.

    Raises:
        importlib.metadata.PackageNotFoundError: it is not installed.
    """
    digest = hashlib.sha256()
    for name, path in sorted(_sources(metadata.distribution(distribution))):
        content = path.read_bytes()
        # Lengths, so that no two sets of files run together to the same bytes.
        digest.update(f"{len(name)} {len(content)} {name}".encode())
        digest.update(content)
    return digest.hexdigest()[:_DIGEST_DIGITS]


def _sources(distribution: metadata.Distribution) -> Iterator[tuple[str, Path]]:
    """Each Python file with its path relative to where its package lies."""
    modules = {point.module.split(".")[0] for point in distribution.entry_points if point.group == GROUP}
    for module in sorted(modules):
        installed = {
            file.as_posix(): Path(str(file.locate()))
            for file in distribution.files or ()
            if file.suffix == ".py" and file.parts[0] in (module, f"{module}.py")
        }
        yield from (installed or _on_path(module)).items()


def _on_path(module: str) -> dict[str, Path]:
    """The files of a module that its distribution does not list: an editable installation."""
    spec = importlib.util.find_spec(module)
    if spec is None:
        return {}
    if not spec.submodule_search_locations:
        return {Path(spec.origin).name: Path(spec.origin)} if spec.origin else {}
    return {
        (Path(module) / path.relative_to(folder)).as_posix(): path
        for folder in spec.submodule_search_locations
        for path in Path(folder).rglob("*.py")
    }


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


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "absent"


def _versions(plugins: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    return {name: plugin["version"] for name, plugin in plugins.items()}


def _pairs(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    for name in sorted({*before, *after}):
        yield name, before.get(name, "absent"), after.get(name, "absent")
