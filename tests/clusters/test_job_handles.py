from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from studies import left_of, session_of

from ganbench.clusters import job_handles
from ganbench.clusters.job_handles import DebugHandle, LocalHandle, SlurmHandle, SlurmQueue
from ganbench.clusters.job_log import JobLog
from ganbench.clusters.slurm_jobs import SubmittedJob


def job_of(folder: Path, number: str) -> SimpleNamespace:
    """A job of submitit's that has written nothing."""
    files = {name: folder / name for name in ("result_pickle", "stderr", "stdout")}
    return SimpleNamespace(job_id=number, _process=None, paths=SimpleNamespace(**files))


def test_a_process_that_has_got_the_number_of_an_ended_job_is_left_alone(tmp_path: Path) -> None:
    stranger = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        handle = LocalHandle(job_of(tmp_path, str(stranger.pid)))
        assert handle.is_over()
        handle.cancel()
        assert stranger.poll() is None
        stranger.communicate(b"\n", timeout=30)
        assert stranger.returncode == 0
    finally:
        stranger.kill()
        stranger.wait()


def test_a_job_that_is_cancelled_leaves_no_process(tmp_path: Path) -> None:
    """Neither submitit's process, which has the job's number, nor that which it has started for the cells."""
    sleep = "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(120)'])"
    source = f"'submitit'; import subprocess, sys; job = {sleep}; print(flush=True); job.wait()"
    controller = subprocess.Popen(
        [sys.executable, "-c", source], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert controller.stdout is not None
    controller.stdout.readline()
    assert len(session_of(controller.pid)) == 2
    LocalHandle(job_of(tmp_path, str(controller.pid))).cancel()
    assert left_of(controller.pid, 30) == []
    controller.communicate()


@pytest.mark.parametrize(
    ("said", "is_over", "state", "is_blameless"),
    [
        ("7_0 RUNNING\n7_1 PENDING\n", False, "RUNNING", False),
        ("7_0 COMPLETING\n", False, "COMPLETING", False),
        ("7_0 OUT_OF_MEMORY\n7_1 RUNNING\n", True, "OUT_OF_MEMORY", False),
        ("7_0 PREEMPTED\n", True, "PREEMPTED", True),
        # Slurm forgets a job some minutes after its end.
        ("7_1 RUNNING\n", True, "", False),
        ("", True, "", False),
        (None, False, "", False),
    ],
)
def test_a_job_is_over_when_slurm_says_so(
    said: str | None,
    is_over: bool,
    state: str,
    is_blameless: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    script = tmp_path / "squeue"
    script.write_text("#!/bin/sh\nexit 1\n" if said is None else f"#!/bin/sh\nprintf '{said}'\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    handle = SlurmHandle(job_of(tmp_path, "7_0"), SlurmQueue())
    assert handle.is_over() is is_over
    assert handle.state() == state
    job = SubmittedJob(name="j", cells=["c1"], handle=handle, log=JobLog(tmp_path / "j.log"))
    assert job.is_blameless is is_blameless
    assert job.lost().cause == "the end of its job 7_0" + (f" ({state})" if state else "")
    assert job.lost().freed == ("Slurm" if state == "OUT_OF_MEMORY" else "")


def test_slurm_is_asked_once_for_all_jobs_and_again_for_those_that_came_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, str]] = []

    def answer() -> dict[str, str]:
        asked.append({"1": "RUNNING"} if not asked else {"1": "RUNNING", "2": "PENDING"})
        return asked[-1]

    monkeypatch.setattr(job_handles, "_asked_states", answer)
    queue = SlurmQueue()
    first = SlurmHandle(job_of(tmp_path, "1"), queue)
    assert not first.is_over()
    # The answer is older than the job, which therefore is not taken for gone.
    second = SlurmHandle(job_of(tmp_path, "2"), queue)
    assert not second.is_over()
    assert not first.is_over()
    assert len(asked) == 1
    monkeypatch.setattr(job_handles, "_ASK_SECONDS", 0.0)
    assert not second.is_over()
    assert second.state() == "PENDING"


def test_what_a_job_of_this_process_fails_by_is_its_last_word() -> None:
    ran: list[str] = []

    def fail() -> None:
        ran.append("first")
        raise RuntimeError("its worker did not start")

    first = DebugHandle(SimpleNamespace(submission=lambda: SimpleNamespace(function=fail)))
    second = DebugHandle(
        SimpleNamespace(submission=lambda: SimpleNamespace(function=lambda: ran.append("second"))), first
    )
    second._thread.join(30)
    assert first.is_over()
    assert second.is_over()
    assert ran == ["first", "second"]
    assert first.last_words() == "its worker did not start"


def test_a_job_of_an_earlier_process_has_ended_with_it() -> None:
    handle = DebugHandle()
    handle._thread.join(30)
    assert handle.is_over()
