"""`ganbench.run(executor="ray")` in a script, which has set things for itself, and has not imported Ray."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tiny_grid import GRID

SCRIPT = """
import random, sys, threading
sys.path.insert(0, {tests!r})
import numpy as np, torch
from callers_state import changes, state
import ganbench
from ganbench.errors import GanbenchError

random.seed(11), np.random.seed(12), torch.manual_seed(13)
sys.excepthook = lambda *raised: sys.__excepthook__(*raised)
before, threads = state(), threading.enumerate()
try:
    ganbench.run({grid!r}, {out!r}, executor="ray", cluster={unmet!r})
except GanbenchError as error:
    assert "no head node of Ray answers" in str(error), error
assert not (changed := changes(before, state())), changed
results = ganbench.run({grid!r}, {out!r}, executor="ray", cluster={cluster!r})
assert list(results.cells["status"]) == ["ok"]
assert not (changed := changes(before, state())), changed
assert threading.enumerate() == threads
print("as it was")
"""


@pytest.mark.slow
def test_a_script_finds_its_own_settings_and_random_states_after_its_first_run_on_ray(tmp_path: Path) -> None:
    cluster, unmet = tmp_path / "cluster.toml", tmp_path / "unmet.toml"
    cluster.write_text("[ray]\nslots = 1\n")
    unmet.write_text('[ray]\naddress = "127.0.0.1:1"\n')
    script = SCRIPT.format(
        tests=str(Path(__file__).parents[1]),
        grid={**GRID, "seeds": 1},
        out=str(tmp_path / "out"),
        cluster=str(cluster),
        unmet=str(unmet),
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=400
    )
    assert ended.stdout == "as it was\n", ended.stderr
