"""`ganbench doctor`: what decides the bits of a run here, and what is missing."""

from __future__ import annotations

import os
import platform
import textwrap
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from importlib import metadata
from itertools import groupby
from pathlib import Path
from typing import Annotated

import typer

from ganbench.catalog import Catalog, load_catalog
from ganbench.catalog.distributions import ganbench_version
from ganbench.cli.console import output, plain, table
from ganbench.cli.show import details
from ganbench.files.cache import VARIABLE, cache_folder, cache_problem

_PACKAGES = (
    "torch",
    "torchvision",
    "torch-fidelity",
    "numpy",
    "scipy",
    "scikit-learn",
    "pandas",
    "pyarrow",
    "safetensors",
    "pydantic",
    "pluggy",
    "typer",
    "rich",
)
_CPU_INFO = Path("/proc/cpuinfo")

_MARKS = {"passed": "ok", "failed": "FAILED", "not applicable": "-"}
_INDENT = " " * 9

Facts = list[tuple[str, str]]


Checked = Annotated[
    list[str] | None,
    typer.Option(
        "--plugin",
        metavar="NAME",
        help="Check the contracts of what it brings instead: a package, a .py file, a registered name; "
        "repeatable.",
    ),
]


def doctor_command(plugins: Checked = None) -> int:
    """Print versions, devices, determinism, extractors' weights, the cache and plugins; or check plugins.

    Without plugins to check it never fails for what it finds: a part that cannot be examined says why.

    Raises:
        CatalogError: a plugin that is to be checked is not there, or cannot be used.
    """
    if plugins:
        return check_plugins(plugins)
    catalog = load_catalog()
    sections: dict[str, Callable[[], Facts]] = {
        "versions": versions,
        "devices": devices,
        "determinism": determinism,
        "extractors": lambda: extractors(catalog),
        "cache": cache,
        "plugins": lambda: plugin_states(catalog),
    }
    console = output()
    for index, (title, facts) in enumerate(sections.items()):
        if index:
            console.print()
        console.print(title, style="bold")
        console.print(table(("", ""), [(f"  {label}", text) for label, text in _told(facts)]))
    return 0


def check_plugins(names: Sequence[str]) -> int:
    """Print what the contracts find of plugins, a line per check, and return the exit code.

    Args:
        names: as `ganbench.testing.checkable.find_checkable` takes them.

    Raises:
        CatalogError: one of them is not there, or cannot be used.
    """
    from ganbench.testing.checkable import find_checkable, findings_of

    checkable = [find_checkable(name) for name in names]
    console = output()
    count: Counter[str] = Counter()
    for one in checkable:
        for who, findings in findings_of(one):
            console.print(plain(who), style="bold")
            # A check that found several things is one check.
            for check, found in groupby(findings, lambda finding: finding.check):
                first, *others = found
                count[first.status] += 1
                reason = f": {first.problem}" if first.status == "not applicable" else ""
                texts = [f"{check}{reason}"]
                if first.status == "failed":
                    texts += [*(finding.problem for finding in (first, *others)), first.advice]
                mark = f"  {_MARKS[first.status]:7}"
                for text in texts:
                    for line in textwrap.wrap(text, max(console.width - len(_INDENT), 20)):
                        console.print(plain(f"{mark}{line}"), soft_wrap=True)
                        mark = _INDENT
    left_out = f", {count['not applicable']} not applicable" if count["not applicable"] else ""
    console.print(f"{count['passed']} passed, {count['failed']} failed{left_out}")
    return 1 if count["failed"] else 0


def versions(packages: Sequence[str] = _PACKAGES) -> Facts:
    """List Python's, ganbench's and those of packages; `not installed` where one is missing."""
    return [
        ("python", f"{platform.python_version()} ({platform.python_implementation()})"),
        ("platform", platform.platform()),
        ("ganbench", ganbench_version()),
        *((package, _version(package)) for package in packages),
    ]


def devices() -> Facts:
    """List the CPU, what may be used of cores and memory, and each CUDA device with its memory."""
    import torch

    from ganbench.execution import LocalExecutor
    from ganbench.execution.resources import resources_here

    resources = resources_here()
    facts = [
        ("cpu", cpu_model()),
        ("cores", resources.cores_named()),
        ("memory", resources.memory_named()),
        ("workers", str(LocalExecutor().workers)),
        ("torch threads", str(torch.get_num_threads())),
    ]
    if not torch.cuda.is_available():
        built = (
            f"torch is built for CUDA {torch.version.cuda}"
            if torch.version.cuda
            else "torch is built without"
        )
        return [*facts, ("cuda", f"none ({built})")]
    for index in range(torch.cuda.device_count()):
        found = torch.cuda.get_device_properties(index)
        capability = f"compute capability {found.major}.{found.minor}"
        facts.append((f"cuda:{index}", f"{found.name}, {found.total_memory / 2**30:.0f} GiB, {capability}"))
    return facts


def determinism() -> Facts:
    """List the switches under which a cell trains."""
    from ganbench.training.determinism import determinism_record, deterministic, prepare_process

    prepare_process(None)
    with deterministic():
        record = determinism_record()
    return [(label.replace("_", " "), _switch(value)) for label, value in record.items()]


def extractors(catalog: Catalog) -> Facts:
    """List what each extractor says of its weights and of where it found them."""
    facts: Facts = []
    for entry in catalog.entries("extractor"):
        told = details(entry)
        about = {label: told[label] for label in ("weights", "found") if label in told} or told
        text = "; ".join(f"{label}: {text}" for label, text in about.items())
        facts.append((entry.name, text or "says nothing of its weights"))
    return facts


def cache() -> Facts:
    """Describe the cache: its folder and its size; all of it can be deleted."""
    folder, problem = cache_folder(), cache_problem()
    if folder is None:
        return [("folder", problem)]
    entries = list(folder.rglob("*.safetensors"))
    # Beside the card of a set of pictures lie their pixels.
    size = sum(path.stat().st_size for path in (*entries, *folder.rglob("*.npy")))
    held = f"{len(entries)} {'entry' if len(entries) == 1 else 'entries'}, {size / 2**20:.1f} MiB"
    named = f"from {VARIABLE}" if os.environ.get(VARIABLE) else f"{VARIABLE} names another"
    facts = [("folder", f"{folder} ({named})"), ("holds", held if entries else "nothing yet")]
    return [*facts, ("problem", problem)] if problem else facts


def plugin_states(catalog: Catalog) -> Facts:
    """List the plugins with their status, and the reason where it is not active."""
    return [
        (
            f"{plugin.name} {plugin.version}".rstrip(),
            f"{plugin.status}: {plugin.reason}" if plugin.reason else plugin.status,
        )
        for plugin in catalog.plugins
    ]


def cpu_model(info: Path = _CPU_INFO) -> str:
    """Name the processor as the kernel does, else as Python does."""
    try:
        lines = info.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "") or platform.processor() or platform.machine()


def _told(facts: Callable[[], Facts]) -> Iterable[tuple[str, str]]:
    """Collect a section's facts; where a part of the machine is broken, report that and go on."""
    try:
        return facts() or [("none", "")]
    except Exception as error:
        return [("failed", f"{type(error).__name__}: {error}")]


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def _switch(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return "none" if value in (None, "") else str(value)
