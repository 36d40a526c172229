"""The hooks that a plugin may implement; each takes nothing and yields specs."""

from __future__ import annotations

from collections.abc import Iterable

import pluggy

from ganbench.api.specs import (
    ArchitectureSpec,
    AugmentationSpec,
    DatasetSpec,
    ExtractorSpec,
    GridSpec,
    LossSpec,
    MetricSpec,
    OptimizerSpec,
    PenaltySpec,
    UpdateSpec,
)

PROJECT = "ganbench"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def ganbench_architectures() -> Iterable[ArchitectureSpec]:  # type: ignore[empty-body]
    """Yield an ArchitectureSpec for each generator/discriminator pair."""


@hookspec
def ganbench_losses() -> Iterable[LossSpec]:  # type: ignore[empty-body]
    """Yield a LossSpec for each objective."""


@hookspec
def ganbench_penalties() -> Iterable[PenaltySpec]:  # type: ignore[empty-body]
    """Yield a PenaltySpec for each term that joins a player's loss."""


@hookspec
def ganbench_optimizers() -> Iterable[OptimizerSpec]:  # type: ignore[empty-body]
    """Yield an OptimizerSpec for each optimizer."""


@hookspec
def ganbench_updates() -> Iterable[UpdateSpec]:  # type: ignore[empty-body]
    """Yield an UpdateSpec for each update rule."""


@hookspec
def ganbench_augmentations() -> Iterable[AugmentationSpec]:  # type: ignore[empty-body]
    """Yield an AugmentationSpec for each change of what the discriminator sees."""


@hookspec
def ganbench_datasets() -> Iterable[DatasetSpec]:  # type: ignore[empty-body]
    """Yield a DatasetSpec for each data set."""


@hookspec
def ganbench_metrics() -> Iterable[MetricSpec]:  # type: ignore[empty-body]
    """Yield a MetricSpec for each score."""


@hookspec
def ganbench_extractors() -> Iterable[ExtractorSpec]:  # type: ignore[empty-body]
    """Yield an ExtractorSpec for each feature extractor."""


@hookspec
def ganbench_grids() -> Iterable[GridSpec]:  # type: ignore[empty-body]
    """Yield a GridSpec for each grid."""
