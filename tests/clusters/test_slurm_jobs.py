from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

from ganbench.clusters.job_log import JobLog
from ganbench.clusters.slurm_jobs import SubmittedJob


def test_a_process_that_has_got_the_number_of_an_ended_job_is_left_alone(tmp_path: Path) -> None:
    stranger = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        handle = SimpleNamespace(
            job_id=str(stranger.pid),
            _process=None,
            paths=SimpleNamespace(result_pickle=tmp_path / "result.pkl"),
        )
        job = SubmittedJob(
            name="j", cells=["c1"], handle=handle, is_local=True, log=JobLog(tmp_path / "j.log")
        )
        assert job.is_over()
        job.cancel()
        assert stranger.poll() is None
        stranger.communicate(b"\n", timeout=30)
        assert stranger.returncode == 0
    finally:
        stranger.kill()
        stranger.wait()
