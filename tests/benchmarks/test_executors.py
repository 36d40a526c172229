from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("executors.py")


@pytest.mark.slow
def test_the_script_writes_what_it_measured(tmp_path: Path) -> None:
    few = ["--rounds", "1", "--cells", "2", "--steps", "5", "--executors"]
    subprocess.run([sys.executable, str(SCRIPT), "--out", str(tmp_path), *few], check=True, timeout=300)
    with (tmp_path / "seconds.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert row["executor"] == "local"
    assert 0 < float(row["per_cell"]) < float(row["total"])
    assert "| local | " in (tmp_path / "README.md").read_text()
    assert "| 1.00 |" in (tmp_path / "README.md").read_text()
    assert "| the same |" in (tmp_path / "README.md").read_text()
