from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

from ganbench.engines import ENGINES


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(Path(__file__).parent)
    return importlib.import_module("gpu")


def run(module: ModuleType, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["gpu.py", *arguments])
    code: int = module.main()
    return code


def test_without_a_gpu_it_says_so_in_one_line(
    gpu: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert run(gpu, monkeypatch) == 2
    printed = capsys.readouterr()
    assert printed.err == "gpu.py: there is no CUDA device here\n"
    assert printed.out == ""


@pytest.mark.slow
def test_each_engine_has_its_lines_and_a_wrong_one_is_told(
    gpu: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # As few as will do, of engines one that compiles nothing and one that refuses.
    engines = {name: ENGINES[name] for name in ("eager", "graph")}
    monkeypatch.setattr(gpu, "ENGINES", engines)
    monkeypatch.setattr(importlib.import_module("training_workloads"), "IMAGES", 300)
    monkeypatch.setattr(gpu, "EQUAL_ROUNDS", 2)
    few = ["--device", "cpu", "--only", "mlp-28", "--seconds", "0.01", "--samples", "20"]
    assert run(gpu, monkeypatch, *few, "--out", str(tmp_path)) == 0
    page = (tmp_path / "gpu.md").read_text()
    assert "| mlp-28 | r1 | eager | 0.0e+00 |" in page
    assert all(f"| mlp-28 | {name} | " in page for name in engines)
    assert "CUDA" in page.partition("| mlp-28 | none | graph | ")[2].partition("\n")[0]
    assert "20 samples generated and scored by fashion_cnn" in page
    monkeypatch.setattr(gpu, "distance", lambda *_: 1e-3)
    assert run(gpu, monkeypatch, *few, "--minutes", "0", "--out", str(tmp_path)) == 1
    page = (tmp_path / "gpu.md").read_text()
    assert "1.0e-03 TOO FAR" in page
    assert "The rest was left out" in page
