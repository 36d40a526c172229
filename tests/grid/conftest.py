"""A catalog that needs no zoo: a few things of each kind, with options of every type."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Annotated, Any, Literal

import pytest
from annotated_types import Ge

from ganbench import (
    ArchitectureSpec,
    AugmentationSpec,
    DatasetSpec,
    ExtractorSpec,
    LossSpec,
    MetricSpec,
    OptimizerSpec,
    PenaltySpec,
    UpdateSpec,
)
from ganbench.catalog import Catalog, Entry, PluginRecord
from ganbench.catalog.record import Loaded
from ganbench.errors import GridError
from ganbench.grid import Grid, read_grid

BASE: dict[str, Any] = {
    "name": "objectives",
    "seeds": 2,
    "axes": {
        "dataset": ["blobs", "photos"],
        "architecture": ["mlp", {"name": "dcgan", "channels": 32}],
        "loss": ["minimax", "non_saturating"],
        "penalty": ["none", {"name": "r1", "weight": 0.3}],
    },
    "train": {"steps": 100, "optimizer": {"lr": 1e-3}},
    "score": {"metrics": ["fid"], "extractor": "tiny"},
}


class Needy:
    """A metric whose needs depend on its options."""

    def __init__(self, needs: str, minimum: int) -> None:
        self.needs = needs
        self.minimum = minimum


def coverage(k: int = 5) -> Needy:
    if k < 1:
        raise ValueError(f"k must be at least 1, given {k}")
    return Needy("samples", k + 1)


def mlp(signature: Any, width: int = 64, layers: list[int] | tuple[int, ...] = (32, 32)) -> None: ...
def dcgan(
    signature: Any, channels: int = 64, norm: Literal["batch", "none"] = "batch", spectral: bool = False
) -> None: ...
def blobs(std: float = 0.1, seed: int | None = None) -> None: ...
def folder(path: str) -> None: ...
def wasserstein(clip: float = 0.01) -> None: ...
def r1(weight: float = 10.0, every: int = 1) -> None: ...
def r2(weight: float = 10.0) -> None: ...
def wide(size: int = 32) -> None: ...
def plain() -> None: ...
def alternating(order: str, d_steps: int) -> None: ...
def lion(params: Any, lr: float, beta: float = 0.9, mode: Literal["a", "b"] = "a", k: int = 1) -> None: ...
def joint(weight: Annotated[float, Ge(0)] = 10.0) -> None: ...
def flip(probability: float = 0.5) -> None: ...


SPECS: dict[str, list[Any]] = {
    "architecture": [ArchitectureSpec(name="mlp", build=mlp), ArchitectureSpec(name="dcgan", build=dcgan)],
    "dataset": [
        DatasetSpec(name="blobs", build=blobs),
        DatasetSpec(name="photos", build=plain),
        DatasetSpec(name="folder", build=folder),
    ],
    "loss": [
        LossSpec(name="minimax", build=plain),
        LossSpec(name="non_saturating", build=plain),
        LossSpec(name="wasserstein", build=wasserstein),
    ],
    "penalty": [
        PenaltySpec(name="none", build=plain),
        PenaltySpec(name="r1", build=r1),
        PenaltySpec(name="r2", build=r2),
    ],
    "augmentation": [
        AugmentationSpec(name="none", build=plain),
        AugmentationSpec(name="flip", build=flip),
    ],
    "metric": [
        MetricSpec(name="fid", build=lambda: Needy("features", 2), directions={"fid": "lower"}),
        MetricSpec(name="is", build=lambda: Needy("logits", 2), directions={"is": "higher"}),
        MetricSpec(name="coverage", build=coverage),
    ],
    "optimizer": [OptimizerSpec(name="lion", build=lion)],
    "update": [
        UpdateSpec(name="alternating", build=alternating),
        UpdateSpec(name="joint", build=joint, simultaneous=True),
    ],
    "extractor": [ExtractorSpec(name="tiny", build=plain), ExtractorSpec(name="wide", build=wide)],
}


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    record = PluginRecord(name="fake", distribution="ganbench", version="1", builtin=True)
    entries = tuple(
        Entry(kind=kind, name=spec.name, spec=spec, plugin=record)  # type: ignore[arg-type]
        for kind, specs in SPECS.items()
        for spec in specs
    )
    return Catalog([Loaded(record=record, entries=entries)])


@pytest.fixture
def table() -> dict[str, Any]:
    """A valid grid, to be changed."""
    return copy.deepcopy(BASE)


@pytest.fixture(scope="session")
def problems(catalog: Catalog) -> Callable[..., list[str]]:
    """The problems of a grid that must have some, each one line."""

    def read(source: Any, overrides: tuple[str, ...] = ()) -> list[str]:
        with pytest.raises(GridError) as caught:
            read_grid(source, catalog, overrides)
        lines = list(caught.value.problems)
        assert lines
        assert all(line and "\n" not in line and len(line) < 2000 for line in lines)
        return lines

    return read


@pytest.fixture(scope="session")
def read(catalog: Catalog) -> Callable[..., Grid]:
    return lambda source, *overrides: read_grid(source, catalog, overrides)
