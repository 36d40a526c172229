"""What a worker must find on its node before a cell is run there; asked before anything is trained."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from typing import Self

from ganbench.catalog import GivenPlugin
from ganbench.catalog.distributions import ganbench_version
from ganbench.catalog.given import read_given
from ganbench.errors import GanbenchError, StoreError
from ganbench.grid.environment import NUMERICS, device_model
from ganbench.grid.plugin_source import source_digest
from ganbench.runner.task import Task
from ganbench.store import Store


@dataclass(frozen=True, kw_only=True)
class NodeReport:
    """A worker's answer.

    Attributes:
        node: its machine, as messages name it.
        model: of the device where it runs cells; empty where it cannot be used.
        problems: why none may be run there, a line each.
    """

    node: str
    model: str
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class NodeCheck:
    """What a node is held against; without a folder it only says which device it has.

    Attributes:
        folder: the results folder, an absolute path.
        token: what the driver has written there.
        versions: of ganbench and of the libraries that decide bits, on the driver's machine.
        numerics: of its ganbench.
        plugins: of each distribution of plugins that a cell uses, `version` and `digest` of its source.
        given: files and modules that are plugins without a package.
    """

    folder: str = ""
    token: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    numerics: int = NUMERICS
    plugins: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    given: tuple[GivenPlugin, ...] = ()

    @classmethod
    def of(cls, tasks: Iterable[Task], token: str) -> Self:
        """Collect what the workers of these tasks must find.

        Args:
            tasks: of one run, at least one.
            token: that the driver has written into their folder.
        """
        folder = ""
        given: tuple[GivenPlugin, ...] = ()
        versions: dict[str, str] = {}
        plugins: dict[str, Mapping[str, str]] = {}
        for task in tasks:
            folder, given = task.folder, task.plugins
            versions |= task.environment.versions
            plugins |= task.environment.plugins
        return cls(folder=folder, token=token, versions=versions, plugins=plugins, given=given)

    def answer(self, device: str) -> NodeReport:
        """Look at the machine of this process.

        Args:
            device: where its worker runs cells, as torch names it.
        """
        node = socket.gethostname()
        found = list(self._problems()) if self.folder else []
        model = ""
        try:
            model = device_model(device)
        except (RuntimeError, AssertionError) as error:
            # Its torch is one for CPUs, or the driver of its GPU is missing.
            line = (str(error).strip().splitlines() or [type(error).__name__])[0]
            found.append(f"torch cannot use {device} there: {line}")
        return NodeReport(node=node, model=model, problems=tuple(f"node {node}: {each}" for each in found))

    def _problems(self) -> Iterator[str]:
        if problem := self._folder_problem():
            yield problem
        here = {"ganbench": ganbench_version()}
        for name, version in self.versions.items():
            found = here.get(name) or _version(name)
            if found != version:
                yield f"has {name} {found}, this run {version}; install {name} {version} there"
        if self.numerics != NUMERICS:
            yield f"has numerics {NUMERICS} of ganbench, this run {self.numerics}; install the same one there"
        given = {plugin.name: plugin for plugin in self.given}
        for name, facts in self.plugins.items():
            if name not in given:
                yield from _plugin_problems(name, facts)
        for plugin in self.given:
            yield from _given_problems(plugin)

    def _folder_problem(self) -> str:
        there = os.path.isdir(self.folder)
        with contextlib.suppress(StoreError):
            if Store(self.folder).workers().get("token") == self.token:
                return ""
        what = "has another folder at" if there else "does not see"
        return f"{what} {self.folder}; give a folder of a file system that all nodes share with --out"


def refuse_unfit(reports: Sequence[NodeReport]) -> None:
    """Refuse nodes on which cells cannot be run as planned.

    Raises:
        GanbenchError: with each problem once.
    """
    if problems := dict.fromkeys(problem for report in reports for problem in report.problems):
        raise GanbenchError(*problems)


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "absent"


def _plugin_problems(name: str, facts: Mapping[str, str]) -> Iterator[str]:
    version = facts["version"]
    found = _version(name)
    if found == "absent":
        yield f"lacks the plugin {name}; install {name} {version} there"
    elif found != version:
        yield f"has the plugin {name} {found}, this run {version}; install {name} {version} there"
    elif (digest := source_digest(name)) != facts["digest"]:
        yield (
            f"has the plugin {name} {version} with another source (digest {digest}, this run "
            f"{facts['digest']}); install the same files there"
        )


def _given_problems(plugin: GivenPlugin) -> Iterator[str]:
    try:
        (found,) = read_given([plugin])
    except GanbenchError as error:
        yield from error.problems
        return
    if found.digest != plugin.digest:
        yield f"--plugin {plugin.given}: {plugin.file} is not the file of this run; put the same one there"
