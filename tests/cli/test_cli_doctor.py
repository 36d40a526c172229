from __future__ import annotations

import platform
from importlib import metadata
from pathlib import Path

import pytest
import torch
from fake_site import FakeSite

from ganbench.__main__ import main
from ganbench.cli import doctor
from ganbench.files.cache import Cache


@pytest.fixture(autouse=True)
def workspace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put back afterwards what the command sets for a process of its own."""
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", "")


def test_the_doctor_tells_what_decides_the_bits(
    capsys: pytest.CaptureFixture[str], fake_site: FakeSite
) -> None:
    fake_site.install("fake-ill", "import fake_fake_nowhere")
    assert main(["doctor"]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert [
        line
        for line in lines
        if line in ("versions", "devices", "determinism", "extractors", "cache", "plugins")
    ] == [
        "versions",
        "devices",
        "determinism",
        "extractors",
        "cache",
        "plugins",
    ]
    assert f"torch {metadata.version('torch')}" in lines
    assert f"python {platform.python_version()} ({platform.python_implementation()})" in lines
    assert "deterministic algorithms on" in lines
    assert "tf32 off" in lines
    assert "cublas workspace :4096:8" in lines
    assert any(line.startswith("cpu ") and len(line) > 4 for line in lines)
    assert any(line.startswith("cuda") for line in lines)
    assert any(line.startswith("inception_v3 weights: ") and "found: " in line for line in lines)
    assert any(line.startswith("fake-ill:plugin 1.0 broken: import failed:") for line in lines)
    assert not any(line.startswith("failed ") for line in lines)


def test_a_part_that_cannot_be_examined_says_why(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def devices() -> doctor.Facts:
        raise RuntimeError("driver gone")

    monkeypatch.setattr(doctor, "devices", devices)
    assert main(["doctor"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "devices failed RuntimeError: driver gone determinism" in out


def test_the_cache_with_what_it_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path / "cache"))
    folder = ("folder", f"{tmp_path / 'cache'} (from GANBENCH_CACHE)")
    assert doctor.cache() == [folder, ("holds", "nothing yet")]
    Cache("references").put({"of": 1}, {"x": torch.zeros(2**18)})
    assert doctor.cache() == [folder, ("holds", "1 entry, 1.0 MiB")]
    Cache("classifiers").put({"of": 2}, {"x": torch.zeros(2**17)})
    (tmp_path / "cache" / "references" / "left.tmp").write_bytes(bytes(2**20))
    (tmp_path / "cache" / "classifiers" / "pixels.npy").write_bytes(bytes(2**21))
    assert doctor.cache() == [folder, ("holds", "2 entries, 3.5 MiB")]
    monkeypatch.delenv("GANBENCH_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    assert doctor.cache()[0][1].endswith("(GANBENCH_CACHE names another)")


def test_a_package_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_PACKAGES", ("fake-nowhere",))
    assert doctor.versions()[-1] == ("fake-nowhere", "not installed")


def test_the_processors_name(tmp_path: Path) -> None:
    info = tmp_path / "cpuinfo"
    info.write_text("processor\t: 0\nmodel name\t: Abacus 3000\n", encoding="utf-8")
    assert doctor.cpu_model(info) == "Abacus 3000"
    assert doctor.cpu_model(tmp_path / "nothing") == (platform.processor() or platform.machine())
