from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("scoring_speed.py")


@pytest.mark.slow
def test_the_script_writes_what_it_measured_and_the_numbers_agree(tmp_path):
    few = ["--rounds", "1", "--cells", "2", "--generated", "30", "--real", "40", "--threads", "1"]
    command = [sys.executable, str(SCRIPT), "--extractors", "fashion_cnn", "--out", str(tmp_path), *few]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    with (tmp_path / "seconds.csv").open() as file:
        rows = list(csv.DictReader(file))
    ways = {row["way"] for row in rows}
    assert len(rows) == 2 * len(ways) == 8
    for cell in ("0", "1"):
        values = {row["way"]: row for row in rows if row["cell"] == cell}
        for name in ("fid", "is", "kid"):
            theirs = float(values["plain calls"][name])
            assert float(values["ganbench"][name]) == pytest.approx(theirs, rel=1e-5)
            assert 0 < abs(float(values["ganbench, bfloat16"][name]) / theirs - 1) < 0.2
    text = (tmp_path / "README.md").read_text()
    assert "| fashion_cnn | plain calls | 1 |" in text
    assert "threads: 1" in text
