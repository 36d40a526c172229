"""The device model of a cluster's nodes, which a small job tells; here it runs as submitit's `local` does."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ganbench.clusters import slurm_probe
from ganbench.clusters.job_log import JobLog
from ganbench.clusters.slurm_jobs import SubmittedJob
from ganbench.clusters.slurm_probe import NodeProbe
from ganbench.clusters.slurm_settings import SlurmSettings
from ganbench.errors import GanbenchError
from ganbench.grid.environment import device_model

HERE = device_model("cpu")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own, and a user whose home is there too."""
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    return tmp_path / "cache" / "slurm"


def counted(probe: NodeProbe, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let each job that would be asked answer at once, and note it."""
    asked: list[str] = []

    def ask(say: object) -> str:
        asked.append("asked")
        return HERE

    monkeypatch.setattr(probe, "_ask", ask)
    return asked


@pytest.mark.slow
def test_a_job_tells_the_model_and_the_user_what_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slurm_probe, "_SILENT_SECONDS", 0.0)
    probe = NodeProbe(SlurmSettings(cluster="local"), "cpu")
    said: list[str] = []
    assert probe.model(said.append) == HERE
    assert len(said) == 1
    assert said[0].endswith("device_models in [slurm] of the cluster file spares it, Ctrl-C cancels it")
    # Nothing of the job is left.
    assert not list((tmp_path / "home").rglob("slurm-*"))


class QueuedJobs:
    """Jobs that a busy cluster does not begin."""

    cancelled: list[str]

    def __init__(self, folder: Path, settings: SlurmSettings) -> None:
        self._log = JobLog(folder / "log")

    def submit(self, works: Sequence[object]) -> list[SubmittedJob]:
        cancelled = type(self).cancelled
        handle: Any = SimpleNamespace(
            id="7", is_over=lambda: False, state=lambda: "PENDING", cancel=lambda: cancelled.append("7")
        )
        return [SubmittedJob(name="j", cells=(), handle=handle, log=self._log)]


def test_whoever_leaves_waits_no_longer_and_neither_does_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slurm_probe, "_SILENT_SECONDS", 0.0)
    monkeypatch.setattr(slurm_probe, "SlurmJobs", QueuedJobs)
    monkeypatch.setattr(QueuedJobs, "cancelled", [], raising=False)
    probe = NodeProbe(SlurmSettings(), "cpu")

    def leave(text: str) -> None:
        assert text.startswith("waiting for job 7 of Slurm (PENDING), which asks for the device of a node;")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        probe.model(leave)
    assert QueuedJobs.cancelled == ["7"]


def test_what_is_known_of_the_same_settings_is_not_asked_again(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = NodeProbe(SlurmSettings(submitit={"slurm_partition": "gpu"}), "cuda:0")
    asked = counted(first, monkeypatch)
    assert first.model() == HERE
    assert first.model() == HERE
    assert len(asked) == 1
    other = NodeProbe(SlurmSettings(submitit={"slurm_partition": "cpu"}), "cuda:0")
    asked_other = counted(other, monkeypatch)
    other.model()
    assert len(asked_other) == 1
    # Where a job has come to another model, it is asked again.
    first.forget()
    first.model()
    assert len(asked) == 2


@pytest.mark.parametrize("content", [b"", b"[]", b'{"model": "A"}', b'{"asked": 1, "model": "A"}', b"\xff"])
def test_what_is_old_or_damaged_is_not_known(
    content: bytes, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    probe = NodeProbe(SlurmSettings(), "cpu")
    asked = counted(probe, monkeypatch)
    probe.model()
    (file,) = cache.iterdir()
    assert json.loads(file.read_bytes())["model"] == HERE
    file.write_bytes(content)
    assert probe.model() == HERE
    assert len(asked) == 2


def test_a_user_without_a_folder_for_it_asks_each_time(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "cache").write_text("a file")
    probe = NodeProbe(SlurmSettings(), "cpu")
    asked = counted(probe, monkeypatch)
    probe.model()
    probe.model()
    assert len(asked) == 2


@pytest.mark.slow
def test_a_job_that_fails_is_one_line(tmp_path: Path) -> None:
    settings = SlurmSettings(cluster="local", submitit={"slurm_setup": [], "timeout_min": 0})
    with pytest.raises(
        GanbenchError, match=r"^\[slurm\]: a job that asks for the device of a node came to the end"
    ):
        NodeProbe(settings, "cpu").model()
