"""The kinds of things that plugins provide: their names, hooks and specs."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, get_args

from ganbench.api.specs import (
    ArchitectureSpec,
    AugmentationSpec,
    DatasetSpec,
    ExtractorSpec,
    LossSpec,
    MetricSpec,
    OptimizerSpec,
    PenaltySpec,
    Spec,
    UpdateSpec,
)

Kind = Literal[
    "architecture",
    "loss",
    "penalty",
    "augmentation",
    "dataset",
    "metric",
    "extractor",
    "optimizer",
    "update",
]

KINDS: tuple[Kind, ...] = get_args(Kind)

PLURALS: Mapping[Kind, str] = MappingProxyType(
    {
        "architecture": "architectures",
        "loss": "losses",
        "penalty": "penalties",
        "augmentation": "augmentations",
        "dataset": "datasets",
        "metric": "metrics",
        "extractor": "extractors",
        "optimizer": "optimizers",
        "update": "updates",
    }
)

GRIDS_HOOK = "ganbench_grids"
"""The hook of grids, which are built of all the others: a kind of their own that no grid names."""

HOOKS: Mapping[str, Kind] = MappingProxyType({f"ganbench_{PLURALS[kind]}": kind for kind in KINDS})

SPECS: Mapping[Kind, type[Spec]] = MappingProxyType(
    {
        "architecture": ArchitectureSpec,
        "loss": LossSpec,
        "penalty": PenaltySpec,
        "augmentation": AugmentationSpec,
        "dataset": DatasetSpec,
        "metric": MetricSpec,
        "extractor": ExtractorSpec,
        "optimizer": OptimizerSpec,
        "update": UpdateSpec,
    }
)
