"""A run whose output nobody reads goes on to its end."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from studies import GRID, PROBE, Study

TALKING = "import sys\nprint('imported')\n" + PROBE.replace(
    "        self.turns += 1\n",
    "        self.turns += 1\n        print('a turn', flush=True)\n        sys.stderr.write('a turn')\n",
)


@pytest.mark.slow
def test_a_run_into_a_pipe_that_nobody_reads_comes_to_its_end(tmp_path: Path) -> None:
    study = Study(tmp_path, GRID.replace('["minimax", "non_saturating"]', '["faulty"]').replace("150", "50"))
    study.install("ganbench-probe", "ganbench_probe", TALKING)
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w") as unread:
        done = subprocess.run(
            study.command("--jobs", "1"), env=study.environment, stdout=unread, stderr=unread, check=False
        )
    assert done.returncode == 0
    assert list(study.cells()["status"]) == ["ok", "ok"]
    assert (study.out / "report.html").is_file()
