"""The table [ray] of a cluster file, and what Ray sets aside for a cell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field

from ganbench.clusters.cluster_file import ClusterSettings, Count

_GIB = 1 << 30
# Ray counts in ten-thousandths, and gives a part of one GPU or whole ones.
_UNITS = 10_000
_CORES = "a number of CPU cores from 0.0001"
_GPUS = "a whole number of GPUs, or a part of one from 0.0001"
ADDRESS = "HOST:PORT of the head node, or 'auto' for the Ray that this machine is a node of"


def gpus_problem(count: float) -> str:
    """Say what is wrong with a number of GPUs; empty where Ray can give so many to a cell."""
    fits = 1 / _UNITS <= count <= 1 or (count >= 0 and count == int(count))
    return "" if fits else f"must be {_GPUS}, given {count:g}"


def _gpus(count: float | None) -> float | None:
    if count is not None and (problem := gpus_problem(count)):
        raise ValueError(problem)
    return count


class RaySettings(ClusterSettings):
    """The table [ray] of a cluster file.

    Attributes:
        address: of the head node, or `auto`; None starts a Ray on this machine, for the run alone.
        num_cpus: cores that Ray sets aside for a cell; cells compute in one thread all the same.
        num_gpus: GPUs for a cell, as 0.25 for four cells on each; None for 1 where the cluster has GPUs,
            else 0. Cells run on the CPU where it is 0.
        slots: cells side by side at most; None for as many as fit.
    """

    table: ClassVar[str] = "ray"

    address: Annotated[str | None, Field(description=ADDRESS)] = None
    num_cpus: Annotated[float, Field(ge=1 / _UNITS, le=10_000, description=_CORES)] = 1.0
    num_gpus: Annotated[float | None, AfterValidator(_gpus), Field(le=10_000, description=_GPUS)] = None
    slots: Count = None


@dataclass(frozen=True, kw_only=True)
class Needs:
    """What Ray sets aside for a cell.

    Attributes:
        num_cpus: cores.
        num_gpus: GPUs, or parts of one.
        mem_gb: gibibytes of memory; 0 for no claim.
    """

    num_cpus: float
    num_gpus: float
    mem_gb: float = 0.0

    def __str__(self) -> str:
        """Say what a node must have."""
        said = [f"{self.num_cpus:g} CPU{'s' * (self.num_cpus != 1)}"]
        said += [f"{self.num_gpus:g} GPU{'s' * (self.num_gpus != 1)}"] if self.num_gpus else []
        said += [f"{self.mem_gb:g} GiB of memory"] if self.mem_gb else []
        return ", ".join(said)

    def fit_into(self, resources: Mapping[str, float]) -> int:
        """Count the workers that fit side by side into what Ray says that a node has."""
        counts = [_units(resources.get("CPU", 0)) // _units(self.num_cpus)]
        gpus = int(resources.get("GPU", 0))
        if 0 < self.num_gpus < 1:
            # A worker's part is of one GPU: two GPUs hold four workers of 0.4, not five.
            counts.append(gpus * (_UNITS // _units(self.num_gpus)))
        elif self.num_gpus:
            counts.append(gpus // int(self.num_gpus))
        if self.mem_gb:
            counts.append(int(resources.get("memory", 0) / (self.mem_gb * _GIB)))
        return min(counts)

    def options(self) -> dict[str, Any]:
        """Give the options of a Ray actor that claims this."""
        claimed: dict[str, Any] = {"num_cpus": self.num_cpus, "num_gpus": self.num_gpus}
        return claimed | ({"memory": int(self.mem_gb * _GIB)} if self.mem_gb else {})


def _units(count: float) -> int:
    return int(count * _UNITS + 1e-6)
