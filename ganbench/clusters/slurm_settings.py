"""The table [slurm] of a cluster file: ganbench's own settings, and submitit's as they are."""

from __future__ import annotations

import math
import os
import shutil
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field

from ganbench.clusters.cluster_file import ClusterSettings
from ganbench.errors import GridError, did_you_mean
from ganbench.execution.named_executor import require_package
from ganbench.grid.problems import Problems, given

# submitit's own defaults are minutes. A job of Slurm is requeued after its limit, as often as it takes.
_TIMEOUT_MIN = {"slurm": 60, "local": 7 * 24 * 60, "debug": 7 * 24 * 60}
_MAX_TIMEOUTS = 1_000_000
_REFUSED = {
    "tasks_per_node": "a job has one task, which runs its cells one after another",
    "nodes": "a job has one node",
    "num_gpus": "submitit has given it up for gpus_per_node",
}
_GPU_KEYS = ("gpus_per_node", "slurm_gpus_per_node", "slurm_gpus_per_task")
_MEMORY_KEYS = ("mem_gb", "slurm_mem_gb", "slurm_mem", "slurm_mem_per_cpu", "slurm_mem_per_gpu")

ClusterName = Literal["slurm", "local", "debug"]


class SlurmSettings(ClusterSettings):
    """The table [slurm] of a cluster file.

    Attributes:
        cluster: `slurm`; or, to try it without a scheduler, `local`, processes of this machine that outlive
            the run as jobs do, or `debug`, one job after another in the process of the run.
        cells_per_job: cells that a job runs one after another; on `local` a job has more where there would
            be more jobs than cores.
        submitit: submitit's own settings by their names, as `timeout_min` and `slurm_partition`.
    """

    table: ClassVar[str] = "slurm"

    cluster: Annotated[ClusterName, Field(description="slurm, local or debug")] = "slurm"
    cells_per_job: Annotated[int, Field(ge=1, le=100_000, description="a whole number from 1 to 100000")] = 1
    submitit: dict[str, Any] = Field(default_factory=dict)

    @classmethod
    def read(cls, file: str | os.PathLike[str] | None, tables: Sequence[str]) -> Self:
        """Read the table, and hold it against submitit and this machine.

        Raises:
            GridError: it is wrong, submitit is missing, or this machine has no Slurm.
        """
        require_package("submitit", "slurm")
        settings = super().read(file, tables)
        missing = [name for name in ("sbatch", "srun") if shutil.which(name) is None]
        if settings.cluster == "slurm" and missing:
            raise GridError(
                f"--executor slurm: no {' and no '.join(missing)} on this machine; run it on a login node of "
                'the cluster, or give cluster = "local" in [slurm] to try it without a scheduler'
            )
        return settings

    @property
    def has_gpus(self) -> bool:
        """Whether a job asks for a GPU; its cells run on the CPU where it does not."""
        gres = str(self.submitit.get("slurm_gres", ""))
        return "gpu" in gres or any(self.submitit.get(name) for name in _GPU_KEYS)

    def with_needs(self, needs: Mapping[str, float]) -> Self:
        """Give the settings of jobs whose cells need something else than the others.

        Args:
            needs: `num_gpus` and `mem_gb` of a cell, as far as they are said. A part of a GPU is a whole one:
                Slurm gives no parts.

        Raises:
            GridError: the settings do not say how a job asks for GPUs, or its cells run on CPUs.
        """
        submitit = dict(self.submitit)
        if "num_gpus" in needs:
            submitit[self._gpu_key()] = math.ceil(needs["num_gpus"])
        if "mem_gb" in needs:
            submitit = {name: value for name, value in submitit.items() if name not in _MEMORY_KEYS}
            submitit["mem_gb"] = needs["mem_gb"]
        return self.model_copy(update={"submitit": submitit})

    def _gpu_key(self) -> str:
        """Find the setting of submitit by which a job asks for a number of GPUs."""
        where = "[[override]] cluster.num_gpus"
        if not self.has_gpus:
            raise GridError(
                f"{where}: cells run on CPUs here; set gpus_per_node in [slurm] of the cluster file, or "
                "leave it out of the grid"
            )
        for name in _GPU_KEYS:
            if isinstance(self.submitit.get(name), int) and self.submitit[name]:
                return name
        raise GridError(
            f"{where}: jobs ask for GPUs by a setting that has no number of its own; give gpus_per_node in "
            "[slurm] of the cluster file, and the kind of GPU by slurm_constraint"
        )

    def executor(self, folder: Path, apart_from: Sequence[str] = ()) -> Any:
        """Make submitit's executor.

        Args:
            folder: of its files, which the nodes must see.
            apart_from: nodes of Slurm on which no job is to run.

        Raises:
            GridError: submitit refuses a setting.
        """
        import submitit

        made = submitit.AutoExecutor(
            folder,
            cluster=self.cluster,
            slurm_max_num_timeout=_MAX_TIMEOUTS,
            local_max_num_timeout=_MAX_TIMEOUTS,
        )
        parameters = {"timeout_min": _TIMEOUT_MIN[self.cluster], "name": "ganbench", **self.submitit}
        if apart_from:
            excluded = parameters.get("slurm_exclude")
            parameters["slurm_exclude"] = ",".join([*([str(excluded)] if excluded else []), *apart_from])
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                made.update_parameters(**parameters)
        except Exception as error:
            # Whatever the settings, some assertion or other: submitit raises no exception of its own.
            line = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise GridError(f"[slurm]: submitit refuses its settings: {line}") from None
        return made

    @classmethod
    def _read_table(cls, table: Mapping[str, Any], problems: Problems) -> dict[str, Any]:
        keys = _submitit_keys()
        own = [name for name in cls.model_fields if name != "submitit"]
        rest, submitit = {}, {}
        for name, value in table.items():
            bare = name.removeprefix("slurm_")
            at = f"{cls.table}.{name}"
            if name in own:
                rest[name] = value
            elif why := _REFUSED.get(bare) if value != 1 else None:
                problems.add(at, f"cannot be {given(value)}: {why}")
            elif name in keys:
                submitit[name] = value
            else:
                hint = did_you_mean(name, [*own, *keys])
                problems.add(at, f"neither ganbench nor submitit has a setting {given(name)}{hint}")
        read = super()._read_table(rest, problems)
        return read | ({"submitit": submitit} if submitit else {})


def _submitit_keys() -> list[str]:
    """List the settings that submitit takes for Slurm, and those that it takes for any cluster."""
    from submitit import AutoExecutor, SlurmExecutor

    common = sorted(AutoExecutor._valid_parameters())
    return [*common, *(f"slurm_{name}" for name in sorted({*SlurmExecutor._valid_parameters(), *common}))]
