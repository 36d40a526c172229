"""Whatever a script calls, its own settings are as they were."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
import torch
from callers_state import changes, state
from parts_here import forget

import ganbench
from ganbench.__main__ import main
from ganbench.catalog import load_catalog
from ganbench.execution import plan_run, plan_verification, verify
from ganbench.grid import read_grid

GRID: dict[str, Any] = {
    "name": "tiny",
    "seeds": 1,
    "axes": {
        "dataset": ["digits"],
        "architecture": [{"name": "mlp", "generator_widths": [8], "discriminator_widths": [8], "noise": 4}],
        "loss": ["minimax", "non_saturating"],
    },
    "train": {"steps": 5, "batch_size": 16},
    "score": {"metrics": ["fid", "precision"], "extractor": "digits_cnn", "samples": 64},
}


@pytest.fixture
def own_settings() -> Iterator[None]:
    """Settings that are nobody's default."""
    before = torch.get_num_threads(), torch.get_rng_state(), random.getstate(), np.random.get_state()
    with mpl.rc_context({"font.size": 7.5}), warnings.catch_warnings():
        warnings.filterwarnings("once", message="the caller's own")
        torch.set_num_threads(3)
        torch.set_float32_matmul_precision("high")
        torch.use_deterministic_algorithms(True, warn_only=True)
        torch.backends.cudnn.benchmark = True
        random.seed(11)
        np.random.seed(12)
        torch.manual_seed(13)
        handler = signal.signal(signal.SIGUSR1, lambda *_: None)
        try:
            yield
        finally:
            signal.signal(signal.SIGUSR1, handler)
            torch.use_deterministic_algorithms(False)
            torch.set_float32_matmul_precision("highest")
            torch.backends.cudnn.benchmark = False
            torch.set_num_threads(before[0])
            torch.set_rng_state(before[1])
            random.setstate(before[2])
            np.random.set_state(before[3])


IMPORTS = """
import os, warnings
from ganbench.execution import plan_run
from ganbench.catalog import load_catalog
from ganbench.grid import read_grid
grid = read_grid({grid!r}, load_catalog())
environment, filters = dict(os.environ), list(warnings.filters)
plan_run(grid, {out!r})
assert dict(os.environ) == environment, dict(os.environ).items() - environment.items()
assert warnings.filters == filters, (warnings.filters, filters)
"""


@pytest.mark.slow
def test_what_packages_set_when_they_are_imported_is_put_back(tmp_path: Path) -> None:
    script = IMPORTS.format(grid=GRID, out=str(tmp_path / "out"))
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=300
    )
    assert ended.returncode == 0, ended.stderr


@pytest.mark.slow
def test_a_callers_state_is_never_changed(
    own_settings: None, in_process: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    monkeypatch.delenv("GANBENCH_DATA", raising=False)
    grid, out = read_grid(GRID, load_catalog()), tmp_path / "out"

    def sample(name: str) -> int:
        cell = ganbench.load(out).cells["cell"][0]
        return main(["sample", str(out), cell, "--count", "8", "--out", str(tmp_path / name)])

    calls: dict[str, Callable[[], object]] = {
        "plan": lambda: plan_run(grid, out),
        "run": lambda: ganbench.run(GRID, out, jobs=1),
        "run again": lambda: ganbench.run(grid, out),
        "load": lambda: ganbench.load(out),
        "figures": lambda: ganbench.load(out).figures(),
        "notebook": lambda: ganbench.load(out)._repr_html_(),
        "verify": lambda: list(verify(plan_verification(out, sample=1), tolerance=0.1)),
        "report": lambda: main(["report", str(out)]),
        "exported": lambda: main(["report", str(out), "--figures", str(tmp_path / "figures")]),
        "compare": lambda: main(["compare", str(out)]),
        "check": lambda: main(["check", str(out), "--baseline", str(out)]),
        "sample": lambda: sample("samples.npz"),
        "picture": lambda: sample("samples.png"),
        "score": lambda: main(
            [
                *("score", str(tmp_path / "samples.npz"), "--reference", "digits", "--metrics", "fid"),
                *("--extractor", "digits_cnn", "--data", str(tmp_path)),
            ]
        ),
        "show": lambda: main(["show", "mlp"]),
        "doctor": lambda: main(["doctor"]),
        "bad input": lambda: main(["run", "no such grid"]),
    }
    for name, call in calls.items():
        forget()
        before = state()
        call()
        changed = changes(before, state())
        assert not changed, (name, changed)
