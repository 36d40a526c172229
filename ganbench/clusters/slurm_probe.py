"""The device model of the nodes of a cluster of Slurm, by a small job, and remembered for the next run."""

from __future__ import annotations

import json
import os
import pickle
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import platformdirs

from ganbench.clusters.node_check import NodeCheck, NodeReport, refuse_unfit
from ganbench.clusters.slurm_jobs import SlurmJobs, SubmittedJob
from ganbench.clusters.slurm_settings import SlurmSettings
from ganbench.errors import GanbenchError
from ganbench.files.atomic import make_folder, write_bytes
from ganbench.files.cache import cache_folder
from ganbench.files.canonical import sha256_of

_POLL_SECONDS = 0.2
# A cluster may have other nodes tomorrow, and a queue for hours today.
_REMEMBERED_SECONDS = 7 * 24 * 3600.0
# How long the user waits until being told what for, and how often after that.
_SILENT_SECONDS = 5.0
_TOLD_EVERY_SECONDS = 600.0
# A job that has answered ends within moments.
_END_SECONDS = 30.0


class NodeProbe:
    """Asks a node of the cluster which device it has."""

    def __init__(self, settings: SlurmSettings, device: str) -> None:
        """Prepare to ask; no job is submitted yet.

        Args:
            settings: the table [slurm].
            device: where cells run, as torch names it.
        """
        self._settings = settings
        self._device = device

    def model(self, say: Callable[[str], None] = lambda text: None) -> str:
        """Give the device model: the one that is remembered, or that of the node of a job.

        Args:
            say: told what is waited for.

        Raises:
            GanbenchError: the job ends without an answer.
        """
        model = self._remembered()
        if not model:
            model = self._ask(say)
            self._remember(model)
        return model

    def forget(self) -> None:
        """Ask again next time: the nodes turn out to have another model."""
        with suppress(OSError):
            if file := self._file():
                file.unlink(missing_ok=True)

    def _remembered(self) -> str:
        with suppress(OSError, ValueError, KeyError, TypeError):
            if file := self._file():
                noted = json.loads(file.read_bytes())
                if 0 <= time.time() - noted["asked"] < _REMEMBERED_SECONDS:
                    return str(noted["model"])
        return ""

    def _remember(self, model: str) -> None:
        with suppress(OSError, GanbenchError):
            if file := self._file():
                make_folder(file.parent)
                write_bytes(file, json.dumps({"asked": time.time(), "model": model}).encode() + b"\n")

    def _file(self) -> Path | None:
        """Name the file of these settings; None where the user has no folder for it."""
        folder = cache_folder()
        # Values of TOML need not be values of JSON. The user may have an account on several clusters.
        said = sorted((name, repr(value)) for name, value in self._settings.submitit.items())
        key = [said, self._device, os.environ.get("SLURM_CONF", "")]
        return None if folder is None else folder / "slurm" / f"{sha256_of(key)}.json"

    def _ask(self, say: Callable[[str], None]) -> str:
        """Submit a job that says which device its node has, and wait for it."""
        # In the home, which nodes see as a rule; the results folder is not known yet, or is not there.
        cache = Path(platformdirs.user_cache_dir("ganbench"))
        make_folder(cache)
        with tempfile.TemporaryDirectory(dir=cache, prefix="slurm-", ignore_cleanup_errors=True) as folder:
            jobs = SlurmJobs(Path(folder), self._settings)
            work = {"tasks": pickle.dumps([]), "check": NodeCheck(), "device": self._device}
            (job,) = jobs.submit([((), work)])
            try:
                model = self._answer(job, say)
                end = time.monotonic() + _END_SECONDS
                while not job.handle.is_over() and time.monotonic() < end:
                    time.sleep(_POLL_SECONDS)
                return model
            finally:
                # It may be queued for hours: whoever has left waits no longer, and neither does it.
                if not job.handle.is_over():
                    job.handle.cancel()

    def _answer(self, job: SubmittedJob, say: Callable[[str], None]) -> str:
        due = time.monotonic() + _SILENT_SECONDS
        while True:
            # Asked before it is heard: nothing comes after that.
            is_over = job.handle.is_over()
            for message in job.log.news():
                if isinstance(message, NodeReport):
                    refuse_unfit([message])
                    return message.model
            if is_over:
                raise GanbenchError(
                    f"[slurm]: a job that asks for the device of a node came to {job.lost().cause}"
                )
            if time.monotonic() >= due:
                due = time.monotonic() + _TOLD_EVERY_SECONDS
                state = f" ({job.handle.state()})" if job.handle.state() else ""
                say(
                    f"waiting for job {job.handle.id} of Slurm{state}, which asks for the device of a node; "
                    "device_models in [slurm] of the cluster file spares it, Ctrl-C cancels it"
                )
            time.sleep(_POLL_SECONDS)
