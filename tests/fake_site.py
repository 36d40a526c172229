"""Distributions that exist only as metadata and modules, in a folder on the path."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from textwrap import dedent

import pytest


class FakeSite:
    """A folder of fake distributions, each with one entry point of the group `ganbench`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def install(
        self,
        distribution: str,
        source: str = "",
        *,
        version: str = "1.0",
        requires: Sequence[str] = (),
        entry: str = "plugin",
        value: str = "",
    ) -> str:
        """Write a distribution whose module has this source; returns the module's name."""
        module = f"fake_{distribution.replace('-', '_').replace('.', '_').lower()}"
        (self.folder / f"{module}.py").write_text(dedent(source), encoding="utf-8")
        info = self.folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        lines = ["Metadata-Version: 2.1", f"Name: {distribution}", f"Version: {version}"]
        lines += [f"Requires-Dist: {requirement}" for requirement in requires]
        (info / "METADATA").write_text("\n".join(lines) + "\n", encoding="utf-8")
        points = f"[ganbench]\n{entry} = {value or module}\n"
        (info / "entry_points.txt").write_text(points, encoding="utf-8")
        importlib.invalidate_caches()
        return module

    def install_loss(
        self,
        distribution: str,
        *names: str,
        version: str = "1.0",
        requires: Sequence[str] = (),
        entry: str = "plugin",
        summary: str = "fake",
    ) -> str:
        """Write a distribution whose plugin provides losses of these names."""
        yields = "\n".join(
            f"    yield LossSpec(name={name!r}, build=Loss, summary={summary!r})" for name in names
        )
        source = (
            "from ganbench import LossSpec, hookimpl\n\n\n"
            "class Loss:\n    def __init__(self, weight: float = 1.0) -> None:\n        pass\n\n\n"
            f"@hookimpl\ndef ganbench_losses():\n{yields}\n"
        )
        return self.install(distribution, source, version=version, requires=requires, entry=entry)


@pytest.fixture
def fake_site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSite]:
    """Fake distributions on the path; catalog and modules are forgotten afterwards."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delenv("GANBENCH_DISABLE_PLUGINS", raising=False)
    monkeypatch.setattr("ganbench.catalog.catalog._cached", None)
    yield FakeSite(folder)
    for name in [name for name in sys.modules if name.startswith("fake_fake_")]:
        del sys.modules[name]
